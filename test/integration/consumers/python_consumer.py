"""Judges each token of the JSON on standard input by the module consumer.py.

Prints by token: the subject, or "refused".
"""

import json
import sys

import consumer

verdicts = {}
for name, token in json.load(sys.stdin).items():
    try:
        verdicts[name] = consumer.verify(token)["sub"]
    except Exception as error:
        verdicts[name] = repr(error) if name == "good" else "refused"
json.dump(verdicts, sys.stdout)
