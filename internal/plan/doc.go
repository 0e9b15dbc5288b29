// Package plan decides. Given what is wanted, what is seen and what time it is, it says what to do next: which dynos
// to start and in which zone, which to stop, what the router should know, what is to become of a space. It is where
// the rules live: the rolling rule, the restart policy, the placement over zones.
//
// Its functions are pure. They refuse to read a clock, a store or an engine, and to remember anything: a server may
// die in the middle of a deploy, and the next plan goes on from what it finds. The same input gives the same output,
// sorted.
package plan
