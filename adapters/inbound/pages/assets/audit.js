// A convenience: the slider tells what it stands on while it is moved, and shows it when it rests.
// Without this script the button beside it does the same.
"use strict";

const slider = document.getElementById("version");
if (slider) {
  const told = document.getElementById("version-told");
  const names = new Map(
    Array.from(slider.list.options, (option) => [option.value, option.label]),
  );
  const RESTS_MS = 500; // of arrow keys: several steps are one look-up
  let timer = 0;

  slider.addEventListener("input", () => {
    const name = names.get(slider.value);
    const text = `${slider.value} of ${slider.max}` + (name ? `: ${name}` : "");
    told.textContent = text;
    slider.setAttribute("aria-valuetext", `Version ${text}`);
  });
  slider.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(() => slider.form.requestSubmit(), RESTS_MS);
  });
}

// What is printed is read to the end.
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    details.dataset.openedToPrint = "";
  }
});
window.addEventListener("afterprint", () => {
  for (const details of document.querySelectorAll("details[data-opened-to-print]")) {
    details.open = false;
    delete details.dataset.openedToPrint;
  }
});
