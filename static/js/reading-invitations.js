/* Copy buttons beside invitation links. Without it the links can be selected and copied by hand. */

const status = document.getElementById("copy-status");

async function copy(input) {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value); // needs https or localhost
    return true;
  } catch {
    return document.execCommand("copy"); // old, but the only way on http://server
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.firstChild;
  button.addEventListener("click", async () => {
    const copied = await copy(document.getElementById(button.dataset.copy));
    label.textContent = copied ? "Copied" : "Press Ctrl+C";
    status.textContent = copied ? "The link is copied." : "The link is selected: press Ctrl+C to copy it.";
  });
}
