// Each key activates the control that names it, unless a modifier key is pressed.
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === "Enter" && event.target.closest("a, button")) return;
  const control = document.querySelector(`[data-keys~="${CSS.escape(event.key)}"]`);
  if (!control || control.disabled) return;
  event.preventDefault();
  control.click();
});
for (const form of document.forms)
  form.addEventListener("submit", () => {
    for (const button of document.querySelectorAll("button")) button.disabled = true;
    const waiting = form.querySelector("[data-waiting]");
    if (waiting) waiting.textContent = waiting.dataset.waiting;
  });
// Reload a page restored from the browser's history, so that its buttons work again.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
