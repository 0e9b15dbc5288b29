# Leaves those lines out of a log that say that somebody who looks after the server has come, which is every second. Where a
# client comes from is said before it is known who that is, so this line waits for the next one of its process.
# Of what pg_autoctl says only what has changed is told.
/^[0-9][0-9]:[0-9][0-9]:[0-9][0-9] [0-9]+ [A-Z]+ / {
	if (/ (WARN|ERROR|FATAL) / && !/HBA|might deny|reverse DNS|installing required|exited with exit status 0/ || / INFO  FSM transition /) { $1 = "[HA]"; $2 = ""; print }
	next
}
{
	session = substr($2, 2, index($2, "-") - 2)
	if (/ LOG:  connection received: /) { waits[session] = $0; next }
	if (/ LOG:  connection authenticated: identity="(heroku|CN=cloister-instance)" /) next
	if (/ LOG:  (replication )?connection authorized: user=(heroku|pgbouncer|autoctl_node|pgautofailover_[a-z]+) /) { delete waits[session]; next }
	if (session in waits) { print waits[session]; delete waits[session] }
	print
}
