// Opens the dialog of the design page.

const dialog = document.getElementById("design-dialog");
document.getElementById("design-open").addEventListener("click", () => dialog.showModal());
