// One person's accounts in two clinics: linking them, going from one to the other; and how a clinic's pages look.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { faults } from './accessible.js';
import { launch, open, picture, serve, signIn } from './place.js';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let place, browser, south;
before(async () => {
  [place, browser] = await Promise.all([serve(), launch()]);
  place.run('tenant', 'create', 'south');
  const token = place.run('token', '--tenant', 'south', '--scope', 'system/*.cruds').trim();
  const post = async (path, resource) => {
    const response = await fetch(`${place.origin}/fhir/south/${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/fhir+json' },
      body: JSON.stringify(resource),
    });
    assert.ok(response.ok, `${path}: ${response.status}`);
    return response.json();
  };
  const parameters = all => ({ resourceType: 'Parameters', parameter: all });
  const { id } = await post('Practitioner', { resourceType: 'Practitioner', name: [{ text: 'Lena Hoffmann' }] });
  const said = place.run('user', 'create', '--tenant', 'south', '--is', `Practitioner/${id}`, 'hoffmann');
  south = { password: said.trim().split(' ').at(-1), auth: `${place.origin}/auth/south` };
  await post('$switching', parameters([{ name: 'allowed', valueBoolean: true }]));
  await post('$appearance', parameters([
    { name: 'color', valueString: '#7a1f5c' },
    { name: 'logo', valueBase64Binary: PNG },
  ]));
});
after(async () => {
  await browser?.close();
  await place?.stop();
});

describe('several clinics', () => {
  it('are linked by signing in to both, and gone between without the password', async () => {
    const { context, page, complaints } = await open(browser);
    await page.goto(`${place.auth}/account`);
    await signIn(page, 'lena');
    await page.getByRole('link', { name: 'Your clinics' }).click();
    await page.getByLabel('Its name here').fill('south');
    await page.getByRole('button', { name: 'Link it' }).click();
    await page.getByRole('heading', { name: 'Sign in to south' }).waitFor();
    await signIn(page, 'hoffmann', south.password);
    await page.getByRole('heading', { name: 'Link with demo?' }).waitFor();
    assert.deepEqual(await faults(page), []);
    await page.getByRole('button', { name: 'Yes, link them' }).click();
    await page.getByRole('button', { name: 'Go to demo' }).waitFor();
    assert.deepEqual(await faults(page), []);
    await picture(page, 'clinics');

    await page.goto(`${south.auth}/account`);
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.goto(`${place.auth}/clinics`);
    await page.getByRole('button', { name: 'Go to south' }).click();
    await page.getByText('You are signed in to south').waitFor();

    await page.getByRole('link', { name: 'Your clinics' }).click();
    await page.getByRole('button', { name: 'End the link with demo' }).click();
    await page.getByText('linked with none of another clinic').waitFor();
    await page.goto(`${place.auth}/clinics`);
    await page.getByText('linked with none of another clinic').waitFor();
    assert.deepEqual(complaints, []);
    await context.close();
  });
});

describe('a clinic of its own look', () => {
  it('shows its colours and its logo, and can be read in light and in dark', async () => {
    for (const colorScheme of ['light', 'dark']) {
      const { context, page, complaints } = await open(browser, { colorScheme });
      await page.goto(`${south.auth}/account`);
      const shown = await page.evaluate(() => ({
        button: getComputedStyle(document.querySelector('.button.strong')).backgroundColor,
        logo: getComputedStyle(document.querySelector('.brand img')).content,
      }));
      if (colorScheme === 'light') assert.equal(shown.button, 'rgb(122, 31, 92)');
      assert.match(shown.logo, /\/auth\/south\/logo\?v=/);
      assert.deepEqual(await faults(page), []);
      assert.deepEqual(complaints, []);
      await context.close();
    }
  });
});
