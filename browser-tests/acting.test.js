// Whom, and where, somebody acts: a person who is several in the records, and one who works in two places; and the page of an app
// that nobody here knows.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { faults, focusOrder } from './accessible.js';
import { launch, open, picture, serve, signIn } from './place.js';

const REDIRECT = 'http://127.0.0.1:1/back';
const SCOPE = 'launch/patient openid fhirUser patient/*.rs user/*.rs';

let place, browser, app, ana, ben;
before(async () => {
  [place, browser] = await Promise.all([serve('--registration', 'open'), launch()]);
  const token = place.token('system/*.cruds');
  const make = async resource => {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/fhir+json' };
    const answer = await fetch(`${place.base}/${resource.resourceType}`, { method: 'POST', headers, body: JSON.stringify(resource) });
    assert.equal(answer.status, 201, `${resource.resourceType}: ${answer.status}`);
    return `${resource.resourceType}/${(await answer.json()).id}`;
  };
  const named = (resourceType, text) => make({ resourceType, name: [{ text }] });
  const user = (is, name, ...roles) => {
    const given = roles.flatMap(it => ['--role', it]);
    return { name, password: place.run('user', 'create', '--tenant', 'demo', '--is', is, ...given, name).trim().split(' ').at(-1) };
  };
  const [doctor, patient, child] = [await named('Practitioner', 'Dr. Ana Weiss'), await named('Patient', 'Ana Weiss'), await named('Patient', 'Bo Weiss')];
  const mother = await make({ resourceType: 'RelatedPerson', patient: { reference: child } });
  const link = [doctor, patient, mother].map(reference => ({ target: { reference }, assurance: 'level4' }));
  ana = user(await make({ resourceType: 'Person', name: [{ text: 'Ana Weiss' }], link }), 'ana', 'doctor', 'patient');
  const [ward, clinic] = [await make({ resourceType: 'Location', name: 'Ward 1' }), await make({ resourceType: 'Organization', name: 'The clinic' })];
  ben = user(await named('Practitioner', 'Ben Sand'), 'ben', `nurse@${ward}`, `doctor@${clinic}`);
  const registered = place.run('client', 'create', '--tenant', 'demo', '--name', 'Growth chart', '--public', '--redirect', REDIRECT, '--scope', SCOPE);
  app = registered.trim().split(' ')[1];
});
after(async () => {
  await browser?.close();
  await place?.stop();
});

/// What an app asks for.
function asked(client = app, change = {}) {
  return `${place.auth}/authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: client,
    redirect_uri: REDIRECT,
    scope: SCOPE,
    aud: place.base,
    code_challenge: createHash('sha256').update('a-verifier-that-is-long-enough-for-the-standard-43').digest('base64url'),
    code_challenge_method: 'S256',
    ...change,
  })}`;
}

/// Presses Tab until this has the focus, and then Enter.
async function enter(page, words) {
  for (let i = 0; i < 20; i += 1) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate(() => document.activeElement.innerText)).includes(words)) return page.keyboard.press('Enter');
  }
  return assert.fail(`${words} is not reached by Tab`);
}

describe('somebody who is several in the records', () => {
  it('chooses whom to act as, and another one later, without a mouse', async () => {
    const { context, page, complaints } = await open(browser);
    await page.goto(asked());
    await signIn(page, ana.name, ana.password);
    await page.getByRole('heading', { name: 'Whom do you act as?' }).waitFor();
    await picture(page, 'acting');
    // Three buttons are called alike.
    assert.deepEqual(await focusOrder(page), ['Skip to the content', 'MediSync', 'Capabilities', 'as']);
    await page.evaluate(() => document.activeElement.blur());
    await enter(page, 'Act for Bo Weiss, whom you stand by');
    await page.getByRole('heading', { name: 'Let Growth chart in?' }).waitFor();
    await page.getByText('You act for Bo Weiss, whom you stand by.').waitFor();
    await page.getByText(/The patient is .?Bo Weiss/).waitFor();
    await enter(page, 'Act as somebody else');
    await page.getByRole('button', { name: 'Go on for Bo Weiss, whom you stand by' }).waitFor();
    await enter(page, 'Act as Ana Weiss, patient');
    await page.getByText(/The patient is .?Ana Weiss/).waitFor();
    await page.goto(`${place.auth}/account`);
    await enter(page, 'Whom you act as');
    await page.getByText('You act as Ana Weiss, patient.').waitFor();
    await enter(page, 'Act as Dr. Ana Weiss, practitioner');
    await page.getByText('You act as Dr. Ana Weiss, practitioner.').waitFor();
    await page.goto(asked());
    await page.getByRole('heading', { name: 'Choose a patient for Growth chart' }).waitFor();
    assert.deepEqual(complaints, []);
    await context.close();
  });

  for (const colorScheme of ['light', 'dark']) {
    it(`sees pages that are accessible in ${colorScheme} colours, and fit a telephone`, async () => {
      const { context, page } = await open(browser, { colorScheme, viewport: { width: 320, height: 640 } });
      const check = async name => {
        assert.deepEqual(await faults(page), [], name);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
      };
      await page.goto(asked());
      await signIn(page, ana.name, ana.password);
      await page.getByRole('heading', { name: 'Whom do you act as?' }).waitFor();
      await check('choice');
      await page.getByRole('button', { name: 'Act as Ana Weiss, patient' }).click();
      await page.getByRole('heading', { name: 'Let Growth chart in?' }).waitFor();
      await check('consent');
      await page.goto(`${place.auth}/acting`);
      await check('switch');
      await page.goto(`${place.auth}/account`);
      await check('account');
      await context.close();
    });
  }
});

describe('somebody who works in two places', () => {
  it('chooses where to act, and another place later, without a mouse', async () => {
    const { context, page, complaints } = await open(browser);
    await page.goto(asked());
    await signIn(page, ben.name, ben.password);
    await page.getByRole('heading', { name: 'Where you act' }).waitFor();
    assert.deepEqual(await faults(page), []);
    await picture(page, 'places');
    await enter(page, 'Act in Ward 1');
    await page.getByRole('heading', { name: 'Choose a patient for Growth chart' }).waitFor();
    await page.goto(`${place.auth}/account`);
    await enter(page, 'Your clinics');
    await page.getByText('You act in Ward 1.').waitFor();
    await enter(page, 'Act in The clinic');
    await page.getByText('You act in The clinic.').waitFor();
    assert.deepEqual(await faults(page), []);
    assert.deepEqual(complaints, []);
    await context.close();
  });
});

describe('an app that registered itself', () => {
  it('is shown as unknown, and nobody is sent on to it', async () => {
    const metadata = { client_name: 'Stranger', redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none', scope: SCOPE };
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(`${place.auth}/register`, { method: 'POST', headers, body: JSON.stringify(metadata) });
    const { client_id } = await answer.json();
    const { context, page } = await open(browser);
    await page.goto(asked(client_id, { prompt: 'none' }));
    await page.getByRole('heading', { name: 'Stranger is not let in' }).waitFor();
    assert.deepEqual(await faults(page), []);
    await picture(page, 'stranger');
    assert.ok((await page.getByRole('link', { name: /go on to/ }).getAttribute('href')).startsWith(REDIRECT));
    assert.ok((await focusOrder(page)).some(it => it.includes('go on to')));
    await context.close();
  });
});
