// A server with the demo hospital, a browser, and what people do in it.
import { spawn, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const PASSWORD = 'a-demo-password';
const program = process.env.MEDISYNC ?? join(root, 'target/debug/medisync');
const pictures = process.env.MEDISYNC_PICTURES;

/// Starts a program and waits until it says that it is ready.
export function start(command, args, env, ready) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  return new Promise((resolve, reject) => {
    let said = '';
    const listen = chunk => {
      said += chunk;
      const found = ready.exec(said);
      if (found) resolve({ child, found: found[1], stop: () => stop(child) });
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('exit', code => reject(new Error(`${command} ended with ${code}: ${said}`)));
  });
}

/// Ends a program and what it started.
function stop(child) {
  if (child.exitCode !== null) return Promise.resolve();
  const ended = new Promise(resolve => child.on('exit', resolve));
  process.kill(-child.pid, 'SIGTERM');
  return ended;
}

/// A server of its own with the demo hospital, with these settings.
export async function serve(...settings) {
  const folder = mkdtempSync(join(tmpdir(), 'medisync-browser-'));
  const env = { MEDISYNC: program, MEDISYNC_DATABASE: `sqlite:${join(folder, 'data')}`, MEDISYNC_TEXT_FOLDER: join(folder, 'text') };
  const server = await start(program, ['serve', '--demo', '--listen', '127.0.0.1:0', ...settings], env, /listening on (http:\S+)/);
  const origin = server.found;
  const run = (...args) => execFileSync(program, args, { env: { ...process.env, ...env }, encoding: 'utf8' });
  return {
    origin,
    base: `${origin}/fhir/demo`,
    auth: `${origin}/auth/demo`,
    env: { ...env, BASE: `${origin}/fhir/demo` },
    run,
    link: count => linkOf(join(folder, 'data', 'mails'), count),
    token: scope => run('token', '--tenant', 'demo', '--scope', scope).trim(),
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/// The link of the last of so many mails, once it is there.
async function linkOf(folder, count) {
  for (let i = 0; i < 1200; i += 1) {
    const mails = existsSync(folder) ? readdirSync(folder).filter(it => it.endsWith('.eml')).sort() : [];
    if (mails.length >= count) return readFileSync(join(folder, mails[count - 1]), 'utf8').match(/^http\S+/m)[0];
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error(`there is no mail number ${count}`);
}

/// Debian's Chromium.
export function launch() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  // In a container root has no sandbox to go into.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args, timeout: 120_000 });
}

/// A browser window that fails a test for what a page complains of.
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 900, height: 640 }, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const complaints = [];
  page.on('console', it => {
    // A status of 401 or 429 is what some tests are about.
    if (it.type() === 'error' && !/the server responded with a status of 4/.test(it.text())) complaints.push(it.text());
  });
  page.on('pageerror', it => complaints.push(it.message));
  return { context, page, complaints };
}

/// Keeps a picture of what is shown, for the documents, where one is wanted.
export async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), animations: 'disabled' });
}

/// Fills in the sign-in form.
export async function signIn(page, name, password = PASSWORD) {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/// Searches for a patient and chooses the one found.
export async function choosePatient(page, name) {
  await page.getByLabel('Name, or how it begins').fill(name);
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('button', { name: new RegExp(name, 'i') }).click();
}
