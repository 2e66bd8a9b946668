// Runs the Go snippet of docs/backends.md: tells of each token that it is given.
package main

import (
	"context"
	"fmt"
	"os"

	curfewv1 "example.com/billing/gen/curfew/v1"
	"example.com/billing/session"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

func main() {
	connection, err := grpc.Dial(os.Getenv("CURFEW_TARGET"), grpc.WithInsecure())
	if err != nil {
		panic(err)
	}
	defer connection.Close()
	auth := curfewv1.NewAuthServiceClient(connection)
	for _, token := range os.Args[1:] {
		user, err := session.CurrentUser(context.Background(), auth, os.Getenv("CURFEW_SERVICE_KEY"), token)
		if err != nil {
			fmt.Println(status.Code(err), session.Reason(err))
		} else {
			fmt.Println("OK", user.GetUsername())
		}
	}
}
