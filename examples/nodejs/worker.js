// Does nothing useful, once every ten seconds, until it is told to stop.
'use strict'
let n = 0
const work = () => console.log(`job ${++n} done`)
work()
const timer = setInterval(work, 10_000)
process.on('SIGTERM', () => {
  console.log('SIGTERM: no more jobs')
  clearInterval(timer)
})
