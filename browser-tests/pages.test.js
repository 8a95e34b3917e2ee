// What people see of the authorization server: signing in, choosing, letting an app in, signing out, and what goes wrong.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { faults, focusOrder } from './accessible.js';
import { PASSWORD, choosePatient, launch, open, picture, serve, signIn } from './place.js';

const VERIFIER = 'a-verifier-that-is-long-enough-for-the-standard-43';

let place, browser, app;
before(async () => {
  [place, browser, app] = await Promise.all([serve(), launch(), appServer()]);
  const registered = place.run('client', 'create', '--tenant', 'demo', '--name', 'Growth chart', '--public', '--redirect',
    app.address, '--scope', 'launch/patient launch/encounter openid fhirUser offline_access patient/*.rs user/Patient.rs');
  app.id = registered.trim().split(' ')[1];
});
after(async () => {
  await browser?.close();
  await place?.stop();
  app?.server.close();
});

/// Where the app takes answers.
async function appServer() {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html', Connection: 'close' }).end('<title>The app</title>');
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return { server, address: `http://127.0.0.1:${server.address().port}/` };
}

/// What the app asks for.
function asked(scope = 'launch/patient openid fhirUser patient/*.rs offline_access') {
  return `${place.auth}/authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: app.id,
    redirect_uri: app.address,
    scope,
    state: 'state',
    aud: place.base,
    code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
    code_challenge_method: 'S256',
  })}`;
}

/// What the app is told, once the browser comes back to it.
async function told(page) {
  await page.waitForURL(`${app.address}?**`);
  return new URL(page.url()).searchParams;
}

describe('letting an app in', () => {
  it('goes from signing in by the choice of a patient to the app', async () => {
    const { context, page, complaints } = await open(browser);
    await page.goto(asked());
    await page.getByRole('heading', { name: 'Sign in to demo' }).waitFor();
    await picture(page, 'sign-in');
    await signIn(page, 'lena');
    await page.getByRole('heading', { name: 'Choose a patient for Growth chart' }).waitFor();
    await page.getByLabel('Name, or how it begins').fill('nobody-is-called-so');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByText('No patient that you may see was found.').waitFor();
    await page.getByLabel('Name, or how it begins').fill('a');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('button', { name: /Amina Diallo/ }).waitFor();
    await picture(page, 'patient');
    await page.getByRole('button', { name: /Amina Diallo/ }).click();
    await page.getByText(/The patient is .?Amina Diallo/).waitFor();
    await picture(page, 'consent');
    await page.getByRole('button', { name: 'Allow' }).click();
    const answer = await told(page);
    assert.equal(answer.get('state'), 'state');
    assert.equal(answer.get('iss'), place.auth);
    assert.ok(answer.get('code'));
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it('tells the app where the user says no, before and behind the choice', async () => {
    for (const button of ['Cancel', 'Deny']) {
      const { context, page } = await open(browser);
      await page.goto(asked());
      await signIn(page, 'lena');
      if (button === 'Deny') await choosePatient(page, 'amina');
      await page.getByRole('button', { name: button }).click();
      assert.equal((await told(page)).get('error'), 'access_denied');
      await context.close();
    }
  });

  it('leads from the sign-in straight on to the app where there is nothing to ask', async () => {
    const { context, page, complaints } = await open(browser);
    await page.goto(asked('user/Organization.rs'));
    await signIn(page, 'lena');
    assert.equal((await told(page)).get('error'), 'invalid_scope');
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it('goes on with a request that was handed over beforehand', async () => {
    const query = new URL(asked()).search.slice(1);
    const pushed = await fetch(`${place.auth}/par`, { method: 'POST', body: new URLSearchParams(query) });
    const { request_uri } = await pushed.json();
    const { context, page, complaints } = await open(browser);
    await page.goto(`${place.auth}/authorize?${new URLSearchParams({ client_id: app.id, request_uri })}`);
    await signIn(page, 'lena');
    await choosePatient(page, 'amina');
    assert.ok(!page.url().includes('code_challenge'));
    await page.getByRole('button', { name: 'Allow' }).click();
    assert.ok((await told(page)).get('code'));
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it('needs no mouse', async () => {
    const { context, page } = await open(browser);
    const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };
    const focused = () => page.evaluate(() => document.activeElement.innerText || document.activeElement.name);
    /// Goes on by Tab until this has the focus.
    const tabTo = async name => {
      for (let i = 0; i < 20; i += 1) {
        await press('Tab');
        if ((await focused()).includes(name)) return;
      }
      assert.fail(`${name} is not reached by Tab`);
    };
    await page.goto(asked());
    await tabTo('username');
    await page.keyboard.type('lena');
    await press('Tab');
    await page.keyboard.type(PASSWORD);
    await press('Enter');
    await page.getByRole('heading', { name: /Choose a patient/ }).waitFor();
    await tabTo('name');
    await page.keyboard.type('amina');
    await press('Enter');
    await page.getByRole('heading', { name: 'Patients' }).waitFor();
    await tabTo('Amina Diallo');
    await press('Enter');
    await page.getByRole('heading', { name: /Let Growth chart in/ }).waitFor();
    await tabTo('Allow');
    await press('Space');
    assert.ok((await told(page)).get('code'));
    await context.close();
  });

  it('asks who it is once more where the sign-in has ended', async () => {
    const { context, page } = await open(browser);
    await page.goto(asked());
    await signIn(page, 'lena');
    await choosePatient(page, 'amina');
    await page.getByRole('button', { name: 'Allow' }).waitFor();
    await context.clearCookies();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByText('Go back and try again').waitFor();
    await page.goto(asked());
    await page.getByRole('heading', { name: 'Sign in to demo' }).waitFor();
    await context.close();
  });
});

describe('signing in and out', () => {
  it('says that a password is wrong, and nothing else', async () => {
    const { context, page } = await open(browser);
    const alerts = [];
    for (const name of ['tomas', 'nobody-at-all']) {
      await page.goto(`${place.auth}/account`);
      await signIn(page, name, 'not the password');
      alerts.push(await page.getByRole('alert').textContent());
      assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), name);
      assert.equal(await page.getByLabel('Password', { exact: true }).inputValue(), '');
    }
    await picture(page, 'wrong-password');
    assert.deepEqual(alerts, Array(2).fill('Name and password do not go together.'));
    await context.close();
  });

  it('ends here, and everywhere', async () => {
    const [here, there] = [await open(browser), await open(browser)];
    for (const { page } of [here, there]) {
      await page.goto(`${place.auth}/account`);
      await signIn(page, 'yuki');
      await page.getByText('You are signed in to demo.').waitFor();
    }
    await picture(here.page, 'account');
    await here.page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await here.page.getByText('You are signed out of demo.').waitFor();
    await there.page.reload();
    await there.page.getByText('You are signed in to demo.').waitFor();
    await there.page.getByRole('button', { name: /Sign out everywhere/ }).click();
    await there.page.getByText('You are signed out of demo.').waitFor();
    for (const { page, context, complaints } of [here, there]) {
      await page.goto(`${place.auth}/account`);
      await page.getByRole('heading', { name: 'Sign in to demo' }).waitFor();
      assert.deepEqual(complaints, []);
      await context.close();
    }
  });

  it('lists where a user is signed in, and ends one of them', async () => {
    const [here, there] = [await open(browser), await open(browser, { userAgent: 'Mozilla/5.0 (iPhone; like Mac OS X) Safari/604.1' })];
    for (const { page } of [there, here]) {
      await page.goto(`${place.auth}/account`);
      // Nobody else signs in as rosa in these tests.
      await signIn(page, 'rosa');
      await page.getByText('You are signed in to demo.').waitFor();
    }
    await here.page.reload();
    await here.page.getByText(/Chrome on Linux, from the server's own machine.*You are here/).waitFor();
    assert.deepEqual(await faults(here.page), []);
    await here.page.getByRole('heading', { name: 'Where you are signed in' }).scrollIntoViewIfNeeded();
    await picture(here.page, 'sign-ins');
    const ends = here.page.getByRole('button', { name: 'End it, and what its apps were granted' });
    assert.equal(await ends.count(), 2);
    await ends.nth(1).focus();
    await here.page.keyboard.press('Enter');
    await here.page.getByText('Safari on iOS').waitFor({ state: 'detached' });
    assert.equal(await ends.count(), 1);
    await there.page.reload();
    await there.page.getByRole('heading', { name: 'Sign in to demo' }).waitFor();
    await ends.click();
    await here.page.getByText('You are signed out of demo.').waitFor();
    for (const { context, complaints } of [here, there]) {
      assert.deepEqual(complaints, []);
      await context.close();
    }
  });

  it('goes on with the app where another window signed out meanwhile', async () => {
    const { context, page } = await open(browser);
    await page.goto(asked('openid fhirUser user/Patient.rs'));
    await signIn(page, 'olga');
    await page.getByRole('button', { name: 'Allow' }).waitFor();
    const other = await context.newPage();
    await other.goto(`${place.auth}/account`);
    await other.getByRole('button', { name: 'Sign out', exact: true }).click();
    await other.getByText('You are signed out of demo.').waitFor();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: 'Sign in to demo' }).waitFor();
    await signIn(page, 'olga');
    await page.getByRole('button', { name: 'Allow' }).click();
    assert.ok((await told(page)).get('code'));
    await context.close();
  });
});

describe('every page', () => {
  for (const colorScheme of ['light', 'dark']) {
    it(`is accessible in ${colorScheme} colours`, async () => {
      const { context, page } = await open(browser, { colorScheme });
      const check = async name => assert.deepEqual(await faults(page), [], name);
      await page.goto(place.origin);
      await check('start');
      await page.goto(asked('launch/patient launch/encounter patient/*.rs'));
      await check('sign-in');
      assert.deepEqual(await focusOrder(page), [
        'Skip to the content', 'MediSync', 'Capabilities', 'username', 'password', 'Sign in', 'Forgotten your password?',
      ]);
      await signIn(page, 'grace', 'not the password');
      await check('wrong password');
      await signIn(page, 'grace');
      await page.getByRole('button', { name: 'Search' }).click();
      await check('patients');
      await page.getByRole('button', { name: /Amina Diallo/ }).click();
      await page.getByRole('button', { name: 'None of these' }).waitFor();
      await check('visits');
      await page.getByRole('button', { name: 'None of these' }).click();
      await page.getByRole('button', { name: 'Allow' }).waitFor();
      await check('consent');
      await page.goto(`${place.auth}/account`);
      await check('account');
      await page.goto(`${place.auth}/authorize?client_id=nobody`);
      await check('refused');
      await context.close();
    });
  }

  it('fits a telephone', async () => {
    const { context, page } = await open(browser, { viewport: { width: 320, height: 640 } });
    await page.goto(asked('launch/patient patient/*.rs'));
    await signIn(page, 'lena');
    await choosePatient(page, 'amina');
    await page.getByRole('button', { name: 'Allow' }).waitFor();
    await picture(page, 'consent-small');
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`);
    await context.close();
  });
});
