// An OpenID Connect provider, the certified oidc-provider, for the scripts of single sign-on. It believes everybody, and says
// of whoever signs in as X that X@example.com is theirs.
//
//   node provider.mjs PORT REDIRECT-URI
import Provider from 'oidc-provider'

const [port, redirect] = process.argv.slice(2)
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'cloister', client_secret: 'hush', redirect_uris: [redirect] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true }) }),
  pkce: { required: () => true },
})
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'))
