// What a page does beyond what HTML does by itself: fold and copy the JSON, walk it by keyboard, copy
// commands, and keep empty fields out of search addresses. Everything can be read without it.
"use strict";

const json = document.querySelector("[data-json]");
const FOLDS = "details:not(.long)";

function foldAll(open) {
  for (const fold of json.querySelectorAll(FOLDS)) {
    // The outermost stays open: folding it would leave nothing to see.
    fold.open = open || fold.parentElement === json;
  }
}

async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Browsers give the clipboard only to secure origins.
    button.textContent = "Not allowed here";
  }
  setTimeout(() => { button.textContent = label; }, 2000);
}

function visibleLines() {
  return [...json.querySelectorAll("summary")].filter((line) => line.offsetParent !== null);
}

// The keys of a tree view (w3.org/WAI/ARIA/apg/patterns/treeview).
function walk(event) {
  const line = event.target.closest("summary");
  if (!line || event.altKey || event.ctrlKey || event.metaKey) return;
  const fold = line.parentElement;
  const lines = visibleLines();
  const at = lines.indexOf(line);
  let next;
  switch (event.key) {
    case "ArrowDown": next = lines[at + 1]; break;
    case "ArrowUp": next = lines[at - 1]; break;
    case "Home": next = lines[0]; break;
    case "End": next = lines[lines.length - 1]; break;
    case "ArrowRight":
      if (fold.open) next = fold.querySelector(":scope > .in > details > summary");
      else fold.open = true;
      break;
    case "ArrowLeft":
      if (fold.open) fold.open = false;
      else next = fold.parentElement.closest("details")?.querySelector(":scope > summary");
      break;
    default: return;
  }
  event.preventDefault();
  next?.focus();
}

if (json) {
  json.addEventListener("keydown", walk);
  for (const tools of document.querySelectorAll("[data-tools]")) tools.hidden = false;
  for (const button of document.querySelectorAll("[data-fold]")) {
    button.addEventListener("click", () => foldAll(button.dataset.fold === "open"));
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy(json.textContent.trim() + "\n", button));
  }
}

for (const command of document.querySelectorAll("pre.command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button copy";
  button.textContent = "Copy";
  const text = command.textContent;
  button.addEventListener("click", () => copy(text, button));
  const frame = document.createElement("div");
  frame.className = "command-frame";
  command.replaceWith(frame);
  frame.append(command, button);
}

for (const form of document.querySelectorAll("form[role=search]")) {
  form.addEventListener("submit", () => {
    for (const field of form.querySelectorAll("input")) field.disabled = field.value.trim() === "";
  });
  // Coming back by the browser's history shows the form as it was left: let it be filled again.
  addEventListener("pageshow", () => {
    for (const field of form.querySelectorAll("input")) field.disabled = false;
  });
}
