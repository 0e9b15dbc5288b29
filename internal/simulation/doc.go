// Package simulation runs the whole server in virtual time: what people may do (platform), the loop that makes it so
// (control), a real database in memory and an engine in memory, for hours of deploys, crashes and lost zones within a
// second. It holds only tests.
//
// It refuses sockets, files and real clocks: everything happens inside a testing/synctest bubble. The whole script
// of actions is drawn by rapid before the bubble is entered, since nothing may be drawn inside; so it can be shrunk.
package simulation
