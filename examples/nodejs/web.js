// A small web app: it says which release answered, and logs a line per request.
'use strict'
const express = require('express')

const app = express()
app.disable('x-powered-by')
app.use((req, res, next) => {
  const start = process.hrtime.bigint()
  res.on('finish', () => {
    const ms = Number((process.hrtime.bigint() - start) / 1000000n)
    console.log(`${req.method} ${req.path} status=${res.statusCode} took=${ms}ms request_id=${req.get('X-Request-Id') ?? ''}`)
  })
  next()
})

app.get('/', (req, res) => {
  const { HEROKU_RELEASE_VERSION: release = 'v0', DYNO: dyno = 'local' } = process.env
  res.type('text').send(`Hello from Node.js, release ${release}, dyno ${dyno}\n`)
})
app.get('/env.json', (req, res) => {
  const names = ['HEROKU_APP_NAME', 'HEROKU_RELEASE_VERSION', 'HEROKU_PRIVATE_IP', 'DYNO', 'GREETING']
  res.json(Object.fromEntries(names.map((name) => [name, process.env[name] ?? ''])))
})

const port = process.env.PORT ?? 5000
const server = app.listen(port, () => console.log(`listening on ${port}`))

process.on('SIGTERM', () => {
  console.log('SIGTERM: finishing the requests under way')
  server.close(() => {
    console.log('bye')
    process.exit(0)
  })
  server.closeIdleConnections()
})
