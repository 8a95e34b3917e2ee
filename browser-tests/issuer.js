// An OpenID provider that others wrote (npm oidc-provider), certified by the OpenID Foundation, with people who sign in there.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

/// Whom the provider knows, and what it says of them.
const PEOPLE = {
  sanna: { preferred_username: 'sanna', name: 'Sanna Sand', groups: ['doctors'], number: '4711' },
  carl: { preferred_username: 'carl', name: 'Carl Cook', groups: ['cooks'], number: '4712' },
};

/// A provider on this machine that knows one client.
export async function issuer(client) {
  const server = createServer();
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(address, {
    clients: [{ ...client, backchannel_logout_session_required: true }],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' }] },
    cookies: { keys: ['for these tests only'] },
    claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups', 'number'], email: ['email'] },
    // With an access token the claims stand in userinfo alone, unless this is said.
    conformIdTokenClaims: false,
    findAccount: (_, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
    // It does not ask this machine's own addresses otherwise.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
  });
  server.on('request', provider.callback());
  return { address, stop: () => server.close() };
}

/// Signs in at the provider and lets the client in, as its own pages have it.
export async function signInThere(page, name) {
  await page.getByPlaceholder('Enter any login').fill(name);
  await page.getByPlaceholder('and password').fill('any password');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
}
