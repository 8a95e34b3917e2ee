// A program that acts for nobody (SMART Backend Services): it signs an assertion with its key, gets a token for five minutes, and
// counts the tenant's patients. Node's own library is all it needs.
//
//   node backend.mjs keys            makes a key pair: private.pem, and keys.json to register
//   CLIENT_ID=… node backend.mjs     asks
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const base = process.env.BASE ?? 'http://127.0.0.1:8080/fhir/demo';
const folder = process.env.KEYS ?? '.';
const encode = json => Buffer.from(JSON.stringify(json)).toString('base64url');

function makeKeys() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const key = { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid: 'one', alg: 'ES384', use: 'sig' };
  writeFileSync(`${folder}/private.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(`${folder}/keys.json`, JSON.stringify({ keys: [key] }));
}

/// RFC 7523: who asks, at which endpoint, for how long, and a name that is never used again.
function assertion(clientId, endpoint) {
  const expires = Math.floor(Date.now() / 1000) + 240;
  const claims = { iss: clientId, sub: clientId, aud: endpoint, exp: expires, jti: randomUUID() };
  const text = `${encode({ alg: 'ES384', typ: 'JWT', kid: 'one' })}.${encode(claims)}`;
  const key = createPrivateKey(readFileSync(`${folder}/private.pem`));
  const signature = sign('sha384', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

async function json(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(body.error_description ?? body.issue?.[0]?.diagnostics ?? `status ${response.status}`);
  return body;
}

async function token() {
  const { token_endpoint: endpoint } = await json(await fetch(`${base}/.well-known/smart-configuration`));
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: 'system/Patient.rs',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion(process.env.CLIENT_ID, endpoint),
  });
  return (await json(await fetch(endpoint, { method: 'POST', body: form }))).access_token;
}

if (process.argv[2] === 'keys') {
  makeKeys();
} else {
  const headers = { Authorization: `Bearer ${await token()}` };
  const { total } = await json(await fetch(`${base}/Patient?_summary=count`, { headers }));
  console.log(`The tenant has ${total} patients.`);
}
