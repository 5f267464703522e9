// Adds to pages that work without it: buttons that copy, and times that run.
"use strict";

// A button that copies the text of the element that it names, and says so.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const said = document.getElementById(button.dataset.says);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = button.dataset.copied;
    } catch {
      // The browser forbids it: then the text is selected, and a key away.
      getSelection().selectAllChildren(source);
      said.textContent = button.dataset.byHand;
    }
  });
}

// An element that shows how long there is left. The seconds come from the server, so that a clock
// that is wrong here does not matter.
for (const element of document.querySelectorAll("[data-countdown]")) {
  const end = performance.now() + Number(element.dataset.countdown) * 1000;
  const words = element.dataset.within;
  const show = () => {
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    const two = (number) => String(number).padStart(2, "0");
    const clock = hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
    element.textContent = left > 0 ? words.replace("{span}", clock) : element.dataset.over;
    if (left === 0) clearInterval(timer);
  };
  const timer = setInterval(show, 1000);
  show();
}
