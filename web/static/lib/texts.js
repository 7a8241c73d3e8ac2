// The texts that scripts show, in the reader's language. English is the source: a page in English
// loads no catalogue, and a text without a translation is shown as it stands in the script.

// The language of the page, "" for English.
export const LANGUAGE = document.documentElement.dataset.language ?? "";

const load = async () => {
  try {
    return (await import(`../texts/${LANGUAGE}.js`)).default;
  } catch (problem) {
    console.warn(`The texts of the language ${LANGUAGE} cannot be loaded: ${problem.message}`);
    return {};
  }
};

// Headers of requests for JSON: the messages of errors come in the language of the page.
export const JSON_HEADERS = { Accept: "application/json", ...(LANGUAGE && { "Redshank-Language": LANGUAGE }) };

const TEXTS = LANGUAGE ? await load() : {};

// Names of hosts and devices are asked for too: "constructor" is no text of the catalogue.
const translated = (key) => (Object.hasOwn(TEXTS, key) ? TEXTS[key] : undefined);

const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (whole, name) => values[name] ?? whole);

// A text with the values of its `%(name)s`.
export const t = (text, values = {}) => filled(String(translated(text) ?? text), values);

// The same for a text that reads like another one; `context` tells them apart.
export const tp = (context, text) => translated(`${context}|${text}`) ?? text;

// A text about `count` things, which is also the value of `%(count)s`.
export const tn = (singular, plural, count, values = {}) => {
  const forms = translated(singular) ?? [singular, plural];
  return filled(forms.at(count === 1 ? 0 : -1), { count: count.toLocaleString(LANGUAGE || "en"), ...values });
};
