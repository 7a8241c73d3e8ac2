// Swagger UI over this server's own API document; nothing is asked of anybody else.
"use strict";

(() => {
  const root = document.getElementById("reference");
  const page = document.documentElement;
  const night = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => page.classList.toggle("dark-mode", (page.dataset.theme ?? (night.matches ? "dark" : "light")) === "dark");
  night.addEventListener("change", follow);
  follow();
  SwaggerUIBundle({
    url: root.dataset.document,
    domNode: root,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    filter: true,
    validatorUrl: null,
  });
})();
