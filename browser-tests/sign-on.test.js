// Signing in by another provider, one that others wrote, and signing out of both.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { faults, focusOrder } from './accessible.js';
import { issuer, signInThere } from './issuer.js';
import { launch, open, picture, serve } from './place.js';

const CLIENT = { client_id: 'medisync', client_secret: 'a secret of these tests: 100%' };
const SYSTEM = 'https://staff.example.org/number';

let place, browser, provider, auth;
before(async () => {
  [place, browser] = await Promise.all([serve('--private-hosts', '127.0.0.1'), launch()]);
  // For the browser, the server and the provider are different sites.
  auth = place.auth.replace('127.0.0.1', 'localhost');
  provider = await issuer({
    ...CLIENT,
    redirect_uris: [`${auth}/sign-on/staff/back`],
    post_logout_redirect_uris: [`${auth}/signed-out`],
    backchannel_logout_uri: `${place.auth}/sign-on/staff/logout`,
  });
  await fhir('Practitioner', { resourceType: 'Practitioner', identifier: [{ system: SYSTEM, value: '4711' }], name: [{ family: 'Sand' }] });
  await fhir('$register-provider', { resourceType: 'Parameters', parameter: [
    { name: 'id', valueString: 'staff' },
    { name: 'label', valueString: 'the hospital account' },
    { name: 'issuer', valueUri: provider.address },
    { name: 'client-id', valueString: CLIENT.client_id },
    { name: 'client-secret', valueString: CLIENT.client_secret },
    { name: 'scope', valueString: 'profile' },
    { name: 'rule', part: [
      { name: 'claim', valueString: 'groups' }, { name: 'value', valueString: 'doctors' }, { name: 'scope', valueString: 'user/*.rs' },
    ] },
    { name: 'make-users', valueBoolean: true },
    { name: 'person', part: [
      { name: 'type', valueCode: 'Practitioner' }, { name: 'claim', valueString: 'number' }, { name: 'system', valueUri: SYSTEM },
    ] },
  ] });
});
after(async () => {
  await browser?.close();
  provider?.stop();
  await place?.stop();
});

/// POST as an administrator.
async function fhir(path, body) {
  const headers = { 'Content-Type': 'application/fhir+json', Authorization: `Bearer ${place.token('system/*.cruds')}` };
  const answer = await fetch(`${place.base}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.text()}`);
}

/// Goes by the button to the provider and signs in there.
async function signOn(page, name) {
  await page.goto(`${auth}/account`);
  await page.getByRole('link', { name: 'Sign in with the hospital account' }).click();
  await signInThere(page, name);
}

describe('signing in by another provider', () => {
  it('goes there and back, and ends at both', async () => {
    const { context, page, complaints } = await open(browser);
    await page.goto(`${auth}/account`);
    await page.getByRole('link', { name: 'Sign in with the hospital account' }).waitFor();
    await picture(page, 'sign-on');
    await signOn(page, 'sanna');
    await page.getByRole('heading', { name: 'Sanna Sand' }).waitFor();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByRole('button', { name: 'Yes, sign me out' }).click();
    await page.getByText('You are signed out of demo.').waitFor();
    assert.ok(page.url().startsWith(`${auth}/signed-out`));
    await page.goto(`${auth}/account`);
    await page.getByRole('link', { name: 'Sign in with the hospital account' }).click();
    // The provider asks who it is: its own session has ended, too.
    await page.getByPlaceholder('Enter any login').waitFor();
    // The provider's own pages look for fonts on the internet.
    assert.deepEqual(complaints.filter(it => !it.includes('ERR_NAME_NOT_RESOLVED')), []);
    await context.close();
  });

  it('ends here when it ends there', async () => {
    const { context, page } = await open(browser);
    await signOn(page, 'sanna');
    await page.getByRole('heading', { name: 'Sanna Sand' }).waitFor();
    const there = await context.newPage();
    await there.goto(`${provider.address}/session/end`);
    await there.getByRole('button', { name: 'Yes, sign me out' }).click();
    await there.getByText('Sign-out Success').waitFor();
    await page.goto(`${auth}/account`);
    await page.getByRole('heading', { name: 'Sign in to demo' }).waitFor();
    await context.close();
  });

  for (const colorScheme of ['light', 'dark']) {
    it(`says who is not let in, and is accessible in ${colorScheme} colours`, async () => {
      const { context, page } = await open(browser, { colorScheme });
      await page.goto(`${auth}/account`);
      assert.deepEqual(await faults(page), [], 'sign-in');
      assert.equal((await focusOrder(page)).at(-1), 'Sign in with the hospital account');
      await signOn(page, 'carl');
      await page.getByText('nothing that it says gives you access here').waitFor();
      assert.deepEqual(await faults(page), [], 'refused');
      if (colorScheme === 'light') await picture(page, 'sign-on-refused');
      await page.getByRole('link', { name: 'Back to the sign-in' }).click();
      await page.getByRole('heading', { name: 'Sign in to demo' }).waitFor();
      await page.goto(`${auth}/signed-out`);
      assert.deepEqual(await faults(page), [], 'signed out');
      await context.close();
    });
  }
});
