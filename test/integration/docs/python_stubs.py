"""Writes the *_pb2_grpc.py that gRPC's plugin for protoc would, as far as clients need them.

Debian's plugin is too old for proto3 optional.  Usage: python_stubs.py <folder with *_pb2.py>
"""

import importlib
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(folder))
for path in (folder / "curfew" / "v1").glob("*_pb2.py"):
    name = ".".join(path.relative_to(folder).with_suffix("").parts)
    services = importlib.import_module(name).DESCRIPTOR.services_by_name.values()
    lines = []
    for service in services:
        lines += ["class %sStub(object):" % service.name, "    def __init__(self, channel):"]
        for method in service.methods:
            requests, responses = (
                importlib.import_module(
                    message.file.name.replace("/", ".").replace(".proto", "_pb2")
                )
                for message in (method.input_type, method.output_type)
            )
            shape = "%s_%s" % (
                "stream" if method.client_streaming else "unary",
                "stream" if method.server_streaming else "unary",
            )
            lines += [
                "        self.%s = channel.%s(" % (method.name, shape),
                "            '/%s/%s'," % (service.full_name, method.name),
                "            request_serializer=%s.%s.SerializeToString,"
                % (requests.__name__, method.input_type.name),
                "            response_deserializer=%s.%s.FromString,"
                % (responses.__name__, method.output_type.name),
                "        )",
            ]
    if lines:
        imports = sorted({line.split("=")[1].rsplit(".", 2)[0] for line in lines if "erializer=" in line})
        text = "\n".join(["import %s" % module for module in imports] + lines) + "\n"
        path.with_name(path.name.replace("_pb2.py", "_pb2_grpc.py")).write_text(text)
