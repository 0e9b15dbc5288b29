// Package cloister holds the nouns of Cloister, Private Spaces that you own, and the rules that need nothing but
// the noun itself: what states it has, what makes it valid, what its names mean.
//
// The words are Heroku's: a team owns spaces, a space is an isolated network, an app lives in a space and has
// releases and a formation, and a formation is made of dynos. Nothing here does I/O, reads the clock, or knows how
// a noun is stored, sent over the wire, or run. Everything else, under internal, points down at this package.
package cloister
