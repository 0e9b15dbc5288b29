package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
)

// childVariable makes this test binary one of the processes that a supervisor keeps running.
const childVariable = "CLOISTER_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		standIn()
	}
	os.Exit(m.Run())
}

// standIn serves its name, arguments and process id on the first listener that it was left.
func standIn() {
	l, err := inherited(0, "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, fmt.Sprintln(os.Getpid(), os.Getuid(), os.Args[1:]))
	}))
	os.Exit(1)
}
