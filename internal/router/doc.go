// Package router is the way in: it takes requests from the internet and carries each to one web dyno of the app that
// its Host header names, over HTTP/1.1, HTTP/2 and whatever a client upgrades to.
//
// Three things in it are public. A Router is the process that serves clients; it owns nothing but its table, which it
// takes whole from control, keeps on disk, and goes on serving while control is away. A Feed is control's end of that
// conversation: it publishes tables, says when a dyno is drained, and receives a log line for each request. Config is
// what the operator sets.
//
// The HTTP/1.1 path is our own, from the socket to the socket, because the router reads what strangers write: there
// is one strict parser (bare line feeds, folded lines, ambiguous lengths are refused), and what goes to a dyno is
// written anew from what was understood. HTTP/2 is terminated by net/http and then takes the same path.
//
// Who may come in is decided for every request by the address of the socket's peer and the trusted ranges of the app
// it is for. Headers have no say in it. A client that is not trusted gets silence, also in the middle of a download
// when the ranges change.
//
// The package refuses to redirect, compress, cache, retry at another dyno, or share a connection between two apps.
// It does not decide which dynos exist or when one may stop; it only says who is in flight.
package router
