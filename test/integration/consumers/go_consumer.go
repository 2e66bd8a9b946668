package main

import (
	"encoding/json"
	"os"
)

// Judges each token of the JSON on standard input. Prints by token: the subject, or "refused".
func main() {
	var tokens map[string]string
	if err := json.NewDecoder(os.Stdin).Decode(&tokens); err != nil {
		panic(err)
	}
	verdicts := map[string]string{}
	for name, token := range tokens {
		subject, err := verify(token)
		switch {
		case err == nil:
			verdicts[name] = subject
		case name == "good":
			verdicts[name] = err.Error()
		default:
			verdicts[name] = "refused"
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		panic(err)
	}
}
