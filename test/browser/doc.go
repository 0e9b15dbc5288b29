// Package browser uses the dashboard as people do: in a real Chromium (Debian's package chromium), at a server whose engine only
// pretends. It looks for errors on the console, breaches of the content security policy and, with axe-core, for what keeps people
// out. It has tests alone; without a Chromium they skip.
package browser
