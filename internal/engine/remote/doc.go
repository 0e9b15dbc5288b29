// Package remote is an engine.Engine in another process: Serve offers an engine on a unix socket, Dial uses one.
//
// Calls are HTTP with JSON, logs and events are streams of JSON, and Exec is a connection of its own with frames. The
// server looks at who is at the other end of the socket and serves only the users it was told; the socket's file mode
// is a second lock, not the only one. An error keeps its kind and message on the way.
//
// It refuses to be a network protocol: both ends are the same version of the same binary, on the same machine.
package remote
