// What people see of second factors: an authenticator app, recovery codes, passkeys; by a virtual authenticator of Chromium's.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { faults, focusOrder } from './accessible.js';
import { PASSWORD, launch, open, picture, serve, signIn } from './place.js';

let place, browser, auth;
before(async () => {
  [place, browser] = await Promise.all([serve(), launch()]);
  // Passkeys are for hosts with a name.
  auth = place.auth.replace('127.0.0.1', 'localhost');
});
after(async () => {
  await browser?.close();
  await place?.stop();
});

/// The code that an authenticator app shows, so many steps of 30 seconds from now (RFC 6238).
function code(secret, steps = 0) {
  const bits = [...secret].map(it => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(it).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map(it => parseInt(it, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac('sha1', key).update(counter).digest();
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

const secretOf = async page => (await page.locator('.secret').textContent()).replaceAll(' ', '');

/// Has Chromium play a device that keeps passkeys and knows its user.
async function withDevice(page, more = {}) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true, ...more,
  };
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options });
  return { cdp, authenticatorId };
}

describe('an authenticator app', () => {
  it('is set up, asked for, and taken away', async () => {
    const { context, page, complaints } = await open(browser, { viewport: { width: 900, height: 900 } });
    await page.goto(`${auth}/account`);
    await signIn(page, 'lena');
    await page.getByRole('link', { name: 'Authenticator app' }).click();
    await page.getByRole('heading', { name: 'Set up an authenticator app' }).waitFor();
    const secret = await secretOf(page);
    assert.equal(await page.getByRole('img', { name: /picture for the app/ }).count(), 1);
    await picture(page, 'authenticator');
    await page.getByLabel(/The code that the app shows/).fill('12');
    await page.getByRole('button', { name: 'Set up' }).click();
    await page.getByRole('alert').getByText('The code is wrong').waitFor();
    assert.equal(await secretOf(page), secret);
    const used = code(secret);
    await page.getByLabel(/The code that the app shows/).fill(used);
    await page.getByRole('button', { name: 'Set up' }).click();
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    const recovery = (await page.locator('pre code').textContent()).split('\n');
    assert.equal(recovery.length, 10);
    await picture(page, 'recovery-codes');
    await page.getByRole('link', { name: /go on/ }).click();
    await page.getByText('Recovery codes: 10 left').waitFor();
    await picture(page, 'account-factors');
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByText('You are signed out of demo.').waitFor();

    await page.goto(`${auth}/account`);
    await signIn(page, 'lena');
    await page.getByRole('heading', { name: 'One more step' }).waitFor();
    await picture(page, 'second');
    await page.getByLabel(/Code of your authenticator app/).fill(used);
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('alert').getByText('was used before').waitFor();
    await page.getByLabel(/Code of your authenticator app/).fill(recovery[0]);
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('Recovery codes: 9 left').waitFor();
    await page.getByRole('link', { name: 'Recovery codes' }).click();
    await page.getByRole('button', { name: 'Make new codes' }).click();
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    await page.goto(`${auth}/authenticator`);
    await page.getByRole('button', { name: 'Take the app away' }).click();
    await page.getByText('Authenticator app: none').waitFor();
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it('needs no mouse', async () => {
    const { context, page } = await open(browser);
    const type = async (label, text) => {
      await page.getByLabel(label).waitFor();
      for (let i = 0; i < 20 && !(await page.getByLabel(label).evaluate(it => it === document.activeElement)); i += 1) {
        await page.keyboard.press('Tab');
      }
      await page.keyboard.type(text);
    };
    await page.goto(`${place.auth}/authenticator`);
    await type('Name', 'tomas');
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Set up an authenticator app' }).waitFor();
    const secret = await secretOf(page);
    await type(/The code that the app shows/, code(secret));
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    await context.clearCookies();
    await page.goto(`${place.auth}/account`);
    await type('Name', 'tomas');
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await type(/Code of your authenticator app/, code(secret, 1));
    await page.keyboard.press('Enter');
    await page.getByText('You are signed in to demo.').waitFor();
    await context.close();
  });
});

describe('a passkey', () => {
  it('is made, named, used without a password, and taken away', async () => {
    const { context, page, complaints } = await open(browser, { viewport: { width: 900, height: 760 } });
    const { cdp, authenticatorId } = await withDevice(page);
    await page.goto(`${auth}/passkeys`);
    await signIn(page, 'yuki');
    await page.getByLabel('What to call the new passkey').fill('Work laptop');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    await page.getByRole('link', { name: /go on/ }).click();
    await page.getByRole('link', { name: 'Passkeys' }).click();
    assert.equal(await page.getByLabel('Passkey 1', { exact: true }).inputValue(), 'Work laptop');
    await picture(page, 'passkeys');
    const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId });
    assert.deepEqual(credentials.map(it => [it.rpId, it.isResidentCredential]), [['localhost', true]]);
    await page.getByLabel('Passkey 1', { exact: true }).fill('Old laptop');
    await page.getByRole('button', { name: 'Rename passkey 1' }).click();
    await page.waitForLoadState();
    assert.equal(await page.getByLabel('Passkey 1', { exact: true }).inputValue(), 'Old laptop');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByRole('alert').getByText('This device has a passkey of yours already.').waitFor();

    await context.clearCookies();
    await page.goto(`${auth}/account`);
    await page.getByRole('button', { name: 'Use a passkey' }).waitFor();
    await picture(page, 'sign-in-passkey');
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByText('You are signed in to demo.').waitFor();

    await context.clearCookies();
    await page.goto(`${auth}/account`);
    await signIn(page, 'yuki');
    await page.getByRole('heading', { name: 'One more step' }).waitFor();
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByText('You are signed in to demo.').waitFor();

    await page.goto(`${auth}/passkeys`);
    await page.getByRole('button', { name: 'Take away passkey 1' }).click();
    await page.getByText('Passkeys: 0').waitFor();
    await context.clearCookies();
    await page.goto(`${auth}/account`);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByRole('alert').getByText('The passkey is not taken').waitFor();
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it('is not taken from a device that does not know its user, nor offered at an address without a name', async () => {
    const { context, page, complaints } = await open(browser);
    const { cdp, authenticatorId } = await withDevice(page);
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await page.goto(`${auth}/passkeys`);
    await signIn(page, 'olga');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByRole('alert').getByText('No passkey was taken').waitFor();
    await page.goto(`${place.auth}/passkeys`);
    await page.getByRole('heading', { name: 'Sign in to demo' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Use a passkey' }).count(), 0);
    assert.deepEqual(complaints, []);
    await context.close();
  });
});

describe('a factor that is demanded', () => {
  it('is set up on the way in', async () => {
    place.run('tenant', 'sign-ins', 'demo', '--second-factor', 'staff');
    const { context, page, complaints } = await open(browser, { viewport: { width: 900, height: 900 } });
    await page.goto(`${auth}/account`);
    await signIn(page, 'grace');
    await page.getByText('demo asks you for a second factor').waitFor();
    await page.getByLabel(/The code that the app shows/).fill(code(await secretOf(page)));
    await page.getByRole('button', { name: 'Set up' }).click();
    await page.getByRole('link', { name: /go on/ }).click();
    await page.getByText('You are signed in to demo.').waitFor();
    assert.deepEqual(complaints, []);
    await context.close();
    place.run('tenant', 'sign-ins', 'demo', '--second-factor', 'optional');
  });
});

describe('every page of factors', () => {
  for (const colorScheme of ['light', 'dark']) {
    it(`is accessible in ${colorScheme} colours`, async () => {
      const { context, page } = await open(browser, { colorScheme, viewport: { width: 320, height: 640 } });
      const check = async name => {
        assert.deepEqual(await faults(page), [], name);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
      };
      await withDevice(page);
      await page.goto(`${auth}/account`);
      await check('sign-in');
      assert.ok((await focusOrder(page)).includes('Use a passkey'));
      await signIn(page, colorScheme === 'light' ? 'olga' : 'amina');
      await check('account');
      await page.goto(`${auth}/authenticator`);
      await check('authenticator');
      await page.getByLabel(/The code that the app shows/).fill(code(await secretOf(page)));
      await page.getByRole('button', { name: 'Set up' }).click();
      await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
      await check('recovery codes');
      await page.goto(`${auth}/passkeys`);
      await page.getByRole('button', { name: 'Add a passkey' }).click();
      await page.getByText('Passkeys: 1').waitFor();
      await page.goto(`${auth}/passkeys`);
      await check('passkeys');
      await page.goto(`${auth}/recovery-codes`);
      await check('new recovery codes');
      await context.clearCookies();
      await page.goto(`${auth}/account`);
      await signIn(page, colorScheme === 'light' ? 'olga' : 'amina');
      await page.getByRole('heading', { name: 'One more step' }).waitFor();
      await check('second');
      await context.close();
    });
  }
});
