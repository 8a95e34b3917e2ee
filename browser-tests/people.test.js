// How people become users, and what they do when they forgot a password: each by links of mails, which are files here.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { faults } from './accessible.js';
import { launch, open, picture, serve, signIn } from './place.js';

const PASSWORD = 'a password of some length';

let place, browser, sent = 0;
before(async () => {
  [place, browser] = await Promise.all([serve(), launch()]);
});
after(async () => {
  await browser?.close();
  await place?.stop();
});

/// The link of the next mail.
const link = () => place.link(sent += 1);

/// Calls an operation as an administrator.
async function call(operation, parameters) {
  const parameter = Object.entries(parameters).map(([name, valueString]) => ({ name, valueString }));
  const answer = await fetch(`${place.base}/${operation}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${place.token('system/*.cruds')}`, 'Content-Type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Parameters', parameter }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

/// A window of which every page that is shown has to be accessible.
async function visit() {
  const { context, page, complaints } = await open(browser);
  const check = async heading => {
    await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
    assert.deepEqual(await faults(page), [], heading);
    assert.deepEqual(complaints, []);
  };
  return { context, page, check };
}

describe('a forgotten password', () => {
  it('is asked for and replaced without a mouse', async () => {
    const { context, page, check } = await visit();
    const tabTo = async name => {
      for (let i = 0; i < 20; i += 1) {
        await page.keyboard.press('Tab');
        const focused = await page.evaluate(() => document.activeElement.innerText || document.activeElement.name || '');
        if (focused.includes(name)) return;
      }
      assert.fail(`${name} is not reached by Tab`);
    };
    await page.goto(`${place.auth}/account`);
    await tabTo('Forgotten your password?');
    await page.keyboard.press('Enter');
    await check('Forgotten password');
    await picture(page, 'forgotten');
    await tabTo('username');
    await page.keyboard.type('yuki');
    await page.keyboard.press('Enter');
    await check('Look into your mails');
    await page.goto(await link());
    await check('Choose another password');
    await tabTo('password');
    await page.keyboard.type('short');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('10 to 200 characters').waitFor();
    await tabTo('password');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await check('The password was changed');
    sent += 1;
    await tabTo('Sign in');
    await page.keyboard.press('Enter');
    await signIn(page, 'yuki', PASSWORD);
    await page.getByText('You are signed in to demo.').waitFor();
    await context.close();
  });
});

describe('an invitation', () => {
  it('is accepted once', async () => {
    await call('$invite', { email: 'maria@demo.example', user: 'Patient/amina-diallo' });
    const { context, page, check } = await visit();
    const address = await link();
    await page.goto(address);
    await check('Accept your invitation');
    assert.equal(await page.getByLabel('Name to sign in with').inputValue(), 'maria@demo.example');
    await picture(page, 'invitation');
    await page.getByLabel('Name to sign in with').fill('maria');
    await page.getByLabel(/^Password/).fill(PASSWORD);
    await page.getByRole('button', { name: 'Accept' }).click();
    await check('You are a user now');
    await page.getByRole('link', { name: 'Sign in' }).click();
    await signIn(page, 'maria', PASSWORD);
    await page.getByText('You are signed in to demo.').waitFor();
    await page.goto(address);
    await page.getByRole('heading', { name: 'The link does not work' }).waitFor();
    await context.close();
  });
});

describe('a patient who registers', () => {
  it('waits for approval', async () => {
    place.run('tenant', 'patients', 'demo', '--registration', 'approval');
    const { context, page, check } = await visit();
    await page.goto(`${place.auth}/account`);
    await page.getByRole('link', { name: 'Register as a patient' }).click();
    await check('Register as a patient');
    await page.getByLabel('E-mail address').fill('noor@demo.example');
    await page.getByRole('button', { name: 'Send the link' }).click();
    await check('Look into your mails');
    await page.goto(await link());
    await check('Register as a patient');
    await page.getByLabel('Your name').fill('Noor Example');
    await page.getByLabel(/date of birth/).fill('1980-05-31');
    await page.getByLabel('Name to sign in with').fill('noor-e');
    await page.getByLabel(/^Password/).fill(PASSWORD);
    await picture(page, 'registration');
    await page.getByRole('button', { name: 'Register' }).click();
    await check('You are registered');
    await call('$approve-applicant', { username: 'noor-e', patient: 'Patient/amina-diallo' });
    await page.goto(await link());
    await signIn(page, 'noor-e', PASSWORD);
    await page.getByText('You are signed in to demo.').waitFor();
    await context.close();
  });
});

describe('somebody who is signed in', () => {
  it('changes address and password', async () => {
    const { context, page, check } = await visit();
    await page.goto(`${place.auth}/account`);
    await signIn(page, 'grace');
    await page.getByRole('link', { name: 'E-mail address' }).click();
    await check('Change your e-mail address');
    await page.getByLabel('E-mail address').fill('grace.obi@demo.example');
    await page.getByLabel('Password that you have').fill('a-demo-password');
    await page.getByRole('button', { name: 'Send the link' }).click();
    await check('Look into your mails');
    await page.goto(await link());
    await check('Confirm your e-mail address');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await check('The address was confirmed');
    await page.getByRole('link', { name: 'Your account' }).click();
    await page.getByText('grace.obi@demo.example').waitFor();
    await page.getByRole('link', { name: 'Password', exact: true }).click();
    await check('Change your password');
    await page.getByLabel('Password that you have').fill('a-demo-password');
    await page.getByLabel(/^New password/).fill(PASSWORD);
    await page.getByRole('button', { name: 'Change the password' }).click();
    await check('The password was changed');
    await page.getByRole('link', { name: 'Your account' }).click();
    await page.getByText('You are signed in to demo.').waitFor();
    await context.close();
  });
});
