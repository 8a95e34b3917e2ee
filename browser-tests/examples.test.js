// The examples, run as they are written, against a server with the demo hospital.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { choosePatient, launch, open, picture, root, serve, signIn, start } from './place.js';

let place, browser;
before(async () => { [place, browser] = await Promise.all([serve(), launch()]); });
after(async () => {
  await browser?.close();
  await place?.stop();
});

const example = path => join(root, 'examples', path);

/// What the browser sends to the token endpoint.
function tokenRequests(page) {
  const sent = [];
  page.on('request', it => { if (it.url().endsWith('/token')) sent.push(new URLSearchParams(it.postData())); });
  return sent;
}

describe('examples/smart-app', () => {
  let app;
  before(async () => { app = await start(example('smart-app/run'), [], place.env, /The app is at (\S+)/); });
  after(() => app?.stop());

  const connect = page => page.goto(`${app.found}?base=${encodeURIComponent(place.base)}`)
    .then(() => page.getByRole('button', { name: 'Choose a patient' }).click());

  it('launches by itself, with a patient and a visit chosen, and refreshes', async () => {
    const { context, page, complaints } = await open(browser);
    const sent = tokenRequests(page);
    await connect(page);
    await signIn(page, 'lena');
    await choosePatient(page, 'amina');
    await page.getByRole('heading', { name: 'Choose a visit for Demo app' }).waitFor();
    await picture(page, 'visit');
    await page.getByRole('list').getByRole('button').first().click();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: /Amina/ }).waitFor();
    assert.match(await page.locator('#visit').textContent(), /^[A-Za-z0-9.-]+$/);
    assert.match(await page.locator('#user').textContent(), /^Practitioner\/lena-hoffmann$/);
    assert.ok(await page.locator('#observations li').count() > 0);
    await picture(page, 'app');
    assert.equal(sent.length, 1);
    assert.ok(sent[0].get('code_verifier').length >= 43, 'the app has PKCE');
    assert.equal(sent[0].get('client_secret'), null);
    await page.getByRole('button', { name: 'Refresh the token' }).click();
    await page.getByText('The token was refreshed.').waitFor();
    assert.equal(sent[1].get('grant_type'), 'refresh_token');
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it('is launched by an EHR', async () => {
    const { context, page, complaints } = await open(browser);
    const env = { ...process.env, ...place.env, TOKEN: place.token('user/*.rs') };
    const address = execFileSync('node', [example('smart-app/ehr.mjs'), 'amina-diallo'], { env, encoding: 'utf8' });
    await page.goto(address.trim());
    await signIn(page, 'lena');
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: /Amina/ }).waitFor();
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it('reads the own records of a patient, who is asked for none', async () => {
    const { context, page } = await open(browser);
    await connect(page);
    await signIn(page, 'amina');
    await page.getByRole('button', { name: 'None of these' }).click();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: /Amina/ }).waitFor();
    assert.equal(await page.locator('#visit').textContent(), 'none in context');
    await context.close();
  });

  it('is told when it is not let in', async () => {
    const { context, page } = await open(browser);
    await connect(page);
    await signIn(page, 'lena');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('The app was not let in: The user said no.').waitFor();
    await context.close();
  });
});

describe('examples/smart-confidential', () => {
  let app;
  before(async () => { app = await start(example('smart-confidential/run'), [], place.env, /The app is at (\S+)/); });
  after(() => app?.stop());

  it('launches with its secret, reads, and refreshes', async () => {
    const { context, page, complaints } = await open(browser);
    await page.goto(app.found);
    await page.getByRole('link', { name: 'Choose a patient' }).click();
    await signIn(page, 'lena');
    await choosePatient(page, 'amina');
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: /Amina/ }).waitFor();
    await page.getByRole('link', { name: 'Refresh the token' }).click();
    await page.getByRole('heading', { name: /Amina/ }).waitFor();
    assert.deepEqual(complaints, []);
    await context.close();
  });
});

describe('examples/backend', () => {
  it('gets in by a signed assertion', () => {
    const said = execFileSync(example('backend/run'), { env: { ...process.env, ...place.env }, encoding: 'utf8' });
    assert.match(said, /The tenant has [1-9]\d* patients\./);
  });
});
