// Heroku's CLI asks some things of hosts that no setting of its own names, and shows them the token as it does HEROKU_HOST:
// at the scheme and port of HEROKU_HOST. While that is on this machine so are they: the commands work, and the token stays.
// And it goes into dynos by SSH at port 80, and to databases at port 22, of the host of HEROKU_EXEC_URL, whatever port that has:
// ours has one for all.
'use strict'
const dns = require('dns')
const net = require('net')
const { syncBuiltinESMExports } = require('module')

const hosts = ['api.metrics.heroku.com', 'api.metrics.herokai.com', 'particleboard.heroku.com', 'telex.heroku.com']

let here
try {
  here = new URL(process.env.HEROKU_HOST).hostname
} catch {}

if (here === 'localhost' || here === '127.0.0.1') {
  const lookup = dns.lookup
  const ours = function (name, ...rest) {
    return lookup.call(this, hosts.includes(name) ? here : name, ...rest)
  }
  Object.defineProperties(ours, Object.getOwnPropertyDescriptors(lookup)) // util.promisify looks for one of them
  dns.lookup = ours
  syncBuiltinESMExports()
}

let exec
try {
  exec = new URL(process.env.HEROKU_EXEC_URL)
} catch {}

if (exec && exec.port) {
  const connect = net.Socket.prototype.connect
  net.Socket.prototype.connect = function (...args) {
    const to = Array.isArray(args[0]) ? args[0][0] : args[0] // net.connect hands over a list
    if (to && (to.port === 80 || to.port === 22) && to.host === exec.hostname) to.port = Number(exec.port)
    return connect.apply(this, args)
  }
}
