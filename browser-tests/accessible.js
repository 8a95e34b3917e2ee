// What a page must have for everybody to use it (WCAG 2.2, level AA), as far as a program can tell.

/// What is wrong with the page that is shown.
export function faults(page) {
  return page.evaluate(() => {
    const found = [];
    const named = it => it.getAttribute('aria-label') || it.innerText?.trim() || it.labels?.[0]?.innerText.trim();

    if (!document.documentElement.lang) found.push('3.1.1: no language');
    if (!document.title.trim()) found.push('2.4.2: no title');
    if (document.querySelectorAll('h1').length !== 1) found.push('1.3.1: not one main heading');
    if (document.querySelectorAll('main').length !== 1) found.push('1.3.1: not one main part');
    for (const it of document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a[href]')) {
      if (!named(it)) found.push(`4.1.2: no name: ${it.outerHTML.slice(0, 80)}`);
    }
    for (const it of document.querySelectorAll('img:not([alt])')) found.push(`1.1.1: no text: ${it.src}`);
    const ids = [...document.querySelectorAll('[id]')].map(it => it.id);
    if (new Set(ids).size !== ids.length) found.push('4.1.1: an id is there twice');

    // Contrast (1.4.3): of each text with the colour behind it.
    const channels = text => text.match(/[\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b]
      .map(it => (it /= 255) <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4)
      .reduce((sum, it, i) => sum + it * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = it => {
      for (let at = it; at; at = at.parentElement) {
        const ground = channels(getComputedStyle(at).backgroundColor);
        if (ground[3] !== 0) return ground;
      }
      return channels(getComputedStyle(document.body).backgroundColor);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const it = text.parentElement;
      if (!text.textContent.trim() || !it.checkVisibility()) continue;
      const style = getComputedStyle(it);
      const [front, back] = [light(channels(style.color)), light(behind(it))].sort((a, b) => b - a);
      const isLarge = parseFloat(style.fontSize) >= 24;
      const ratio = (front + 0.05) / (back + 0.05);
      if (ratio < (isLarge ? 3 : 4.5)) found.push(`1.4.3: contrast ${ratio.toFixed(2)}: ${text.textContent.trim().slice(0, 40)}`);
    }
    return found;
  });
}

/// What Tab leads to, in this order: words, or the names of fields.
export async function focusOrder(page) {
  const order = [];
  await page.evaluate(() => document.activeElement?.blur());
  for (;;) {
    await page.keyboard.press('Tab');
    const name = await page.evaluate(() => {
      const it = document.activeElement;
      return it === document.body ? '' : it.name || it.innerText.trim();
    });
    if (!name || order.includes(name)) return order;
    order.push(name);
  }
}
