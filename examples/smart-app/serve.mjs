// Serves this folder and fhirclient to the browser, at http://localhost:3000/, one of the addresses that `demo-app` is registered
// with.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';

const types = { html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' };
const files = {
  '/': 'index.html',
  '/launch.html': 'launch.html',
  '/launch.js': 'launch.js',
  '/app.js': 'app.js',
  '/app.css': 'app.css',
  '/fhir-client.js': 'node_modules/fhirclient/build/fhir-client.pure.min.js',
};

createServer(async (request, response) => {
  const file = files[new URL(request.url, 'http://localhost').pathname];
  if (!file) {
    response.writeHead(404).end('There is nothing here.');
    return;
  }
  const body = await readFile(new URL(file, import.meta.url));
  response.writeHead(200, { 'Content-Type': types[file.split('.').pop()] }).end(body);
}).listen(3000, 'localhost', () => console.log('The app is at http://localhost:3000/'));
