// The API reference: Swagger UI over this server's own API document. It loads nothing from elsewhere.

// Swagger UI is a classic script: it is a global.
const { SwaggerUIBundle } = globalThis;

const root = document.getElementById("reference");
const page = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

const followTheme = () => {
  const theme = page.dataset.theme ?? (system.matches ? "dark" : "light");
  page.classList.toggle("dark-mode", theme === "dark");
};

system.addEventListener("change", followTheme);
new MutationObserver(followTheme).observe(page, { attributeFilter: ["data-theme"] });
followTheme();

SwaggerUIBundle({
  url: root.dataset.document,
  domNode: root,
  // Links to operations would stand within the buttons that open them.
  deepLinking: false,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  filter: true,
  validatorUrl: null,
});
