// A SMART app on a server: the browser holds a cookie, the server holds secret and tokens.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import smart from 'fhirclient';

const port = Number(process.env.PORT ?? 3001);
const base = process.env.BASE ?? 'http://127.0.0.1:8080/fhir/demo';
const sessions = new Map();

const settings = {
  clientId: process.env.CLIENT_ID,
  clientSecret: process.env.CLIENT_SECRET,
  redirectUri: '/back',
  scope: 'launch/patient openid fhirUser patient/*.rs online_access',
  pkceMode: 'required',
};

/// The session of a browser; fhirclient keeps its state there.
function session(request, response) {
  const known = /(?:^|; )portal=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
  const id = sessions.has(known) ? known : randomUUID();
  if (id !== known) {
    sessions.set(id, {});
    response.setHeader('Set-Cookie', `portal=${id}; HttpOnly; SameSite=Lax; Path=/`);
  }
  return sessions.get(id);
}

function escaped(text) {
  return String(text).replace(/[&<>"']/g, it => `&#${it.charCodeAt(0)};`);
}

function page(response, title, content, status = 200) {
  response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<link rel="icon" href="data:,"></head><body><main><h1>${escaped(title)}</h1>${content}</main></body></html>`);
}

async function chart(response, client) {
  const patient = await client.patient.read();
  const found = await client.request('Condition?_count=10');
  const name = [...(patient.name?.[0]?.given ?? []), patient.name?.[0]?.family].filter(Boolean).join(' ');
  const conditions = (found.entry ?? []).map(({ resource }) => resource.code?.text ?? resource.code?.coding?.[0]?.display);
  page(response, name, `<ul>${conditions.map(it => `<li>${escaped(it)}</li>`).join('')}</ul>
<p><a href="/refresh">Refresh the token</a></p>`);
}

async function answer(request, response) {
  request.session = session(request, response);
  const app = smart(request, response);
  switch (new URL(request.url, base).pathname) {
    case '/':
      return page(response, 'Portal', '<p><a href="/connect">Choose a patient</a></p>');
    case '/connect':
      return app.authorize({ ...settings, iss: base });
    case '/launch':
      return app.authorize({ ...settings, scope: settings.scope.replace('launch/patient', 'launch') });
    case '/back':
      return chart(response, await app.ready());
    case '/refresh': {
      const client = await app.ready();
      await client.refresh();
      return chart(response, client);
    }
    default:
      return page(response, 'There is nothing here', '', 404);
  }
}

createServer((request, response) => {
  answer(request, response).catch(error => page(response, 'That did not work', `<p>${escaped(error.message)}</p>`, 500));
}).listen(port, 'localhost', () => console.log(`The app is at http://localhost:${port}/`));
