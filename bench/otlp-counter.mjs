// An OTLP/HTTP receiver that only counts, on a port of its own choosing, which it prints. At SIGTERM it tells what it
// got: messages, bytes, and its own processor time.
import { createServer } from 'node:http'

const counts = { messages: 0, bytes: 0 }
const server = createServer((request, response) => {
  request.on('data', (chunk) => {
    counts.bytes += chunk.length
  })
  request.on('end', () => {
    counts.messages += 1
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
process.on('SIGTERM', () => {
  const { user, system } = process.cpuUsage()
  process.stdout.write(`${JSON.stringify({ ...counts, cpuMs: (user + system) / 1000 })}\n`, () =>
    process.exit(0),
  )
})
