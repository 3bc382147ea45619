// Colours that somebody chose stand before the first stroke is drawn; who chose none has those of the system.
const chosen = localStorage.getItem("dialbook-theme");
if (chosen) document.documentElement.dataset.theme = chosen;
