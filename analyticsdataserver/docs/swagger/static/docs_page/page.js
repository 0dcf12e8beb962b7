// The page at /docs/: Swagger UI, with a key for all its requests, and addresses that name a group or an operation.

/* global SwaggerUIBundle */

const page = JSON.parse(document.getElementById("page").textContent);
page.operations = new Set();
const reload = "Reload the page, or try again a little later.";

// As long as the description's own name for it; see components.securitySchemes there.
const KEY_SCHEME = "key";

// Characters of a response that are shown, and lines of a table.
const LONGEST_SHOWN = 40_000;
const ROWS_SHOWN = 50;


// --- What changes while the page is open -----------------------------------------------------------------------------

// A value that components of Swagger UI read with React's useSyncExternalStore.
class Store {
  #listeners = new Set();

  constructor(value) {
    this.value = value;
  }

  set(value) {
    this.value = value;
    this.#listeners.forEach((listener) => listener());
  }

  use({ useSyncExternalStore }) {
    return useSyncExternalStore(
      (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      () => this.value,
    );
  }
}

// Which operations the words in the search field leave, and which of them are the first of their group.
class Search extends Store {
  #operations = [];

  constructor() {
    super({ shown: new Set(), heads: new Map() });
  }

  add(path, method, text) {
    this.#operations.push({ key: `${method} ${path}`, group: groupOf(path), text: `${method} ${path} ${GROUPS[groupOf(path)][0]} ${text}`.toLowerCase() });
  }

  get size() {
    return this.#operations.length;
  }

  find(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.#operations.filter((operation) => words.every((word) => operation.text.includes(word)));
    const heads = new Map();
    for (const { key, group } of found) {
      if (![...heads.values()].includes(group)) {
        heads.set(key, group);
      }
    }
    this.set({ shown: new Set(found.map(({ key }) => key)), heads });
    return found.length;
  }
}

const search = new Search();

// The ids that the key, or the session, may see something about, by the name of the parameter.
const knownIds = new Store({});

// The language of the request that is shown.
const language = new Store("curl");


// --- The description ---------------------------------------------------------------------------------------------

// The groups inside the one of the description, in the order of the page, with the paths of each.
const GROUPS = [
  ["Courses", /^\/api\/v\d+\/courses\/\{/],
  ["Problems", /^\/api\/v\d+\/problems\//],
  ["Videos", /^\/api\/v\d+\/videos\//],
  ["Many courses", /^\/api\/v\d+\//],
  ["Operations", /^/],
];

function groupOf(path) {
  return GROUPS.findIndex(([, paths]) => paths.test(path));
}

function inGroups(paths) {
  return Object.fromEntries(Object.entries(paths).sort(([one], [other]) => groupOf(one) - groupOf(other)));
}

// Swagger UI fills in every example. That is meant only for the ids that the database knows: an optional parameter
// would change the answer, and an id that is not there would find nothing. Other examples become text. It also refuses
// values by their pattern, in words that only show a regular expression: the service says better what is wrong.
function chooseExamples(description) {
  description.paths = inGroups(description.paths);
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, { operationId, summary, parameters = [] }] of Object.entries(operations)) {
      page.operations.add(operationId);
      search.add(path, method, `${operationId} ${summary} ${parameters.map(({ name }) => name).join(" ")}`);
      for (const parameter of parameters) {
        delete parameter.schema?.pattern;
        delete parameter.schema?.items?.pattern;
        if (parameter.in === "path" && parameter.name in page.sampleIds) {
          parameter.example = page.sampleIds[parameter.name];
        } else if (parameter.example !== undefined) {
          parameter.description += `\n\n_Example_ : \`${parameter.example}\``;
          delete parameter.example;
        }
      }
    }
  }
  return description;
}

async function fetchDescription() {
  const response = await fetch(page.schemaUrl, { headers: { Accept: "application/json" } });
  if (!response.ok) {
    throw new Error(`${page.schemaUrl} answered ${response.status}.`);
  }
  const description = chooseExamples(await response.json());
  search.find("");
  return description;
}


// --- Addresses of groups and operations: #!/<group>/<operation> ----------------------------------------------------

function place(group, operation) {
  return `#!/${group}/${operation ?? ""}`;
}

// Swagger UI's own addresses lack the exclamation mark, and have to find their way, too.
function placeInAddress() {
  const [group, operation] = decodeURIComponent(location.hash).replace(/^#!?\/?/, "").split("/");
  return { group, operation };
}

// Swagger UI draws a little later than it is told to.
function drawn(id) {
  return new Promise((resolve) => {
    const deadline = performance.now() + 5000;
    const look = () => {
      const element = document.getElementById(id);
      return element || performance.now() > deadline ? resolve(element) : requestAnimationFrame(look);
    };
    look();
  });
}

// A group's address leaves the key in view; an operation's leads right there.
async function openPlaceInAddress(ui) {
  const { group, operation } = placeInAddress();
  if (group !== page.tag) {
    return;
  }
  ui.layoutActions.show(["operations-tag", group], true);
  if (!page.operations.has(operation)) {
    return;
  }
  ui.layoutActions.show(["operations", group, operation], true);
  const shown = await drawn(["operations", group, operation].join("-"));
  shown?.scrollIntoView();
  shown?.querySelector("button")?.focus({ preventScroll: true });
}

// Replaces the address and keeps the history short: Back leaves the page.
function rememberPlace([kind, group, operation], isShown) {
  if (kind === "operations") {
    history.replaceState(null, "", place(group, isShown ? operation : null));
  } else if (kind === "operations-tag") {
    history.replaceState(null, "", isShown ? place(group) : location.pathname + location.search);
  }
}


// --- What of Swagger UI is different here --------------------------------------------------------------------------

const addresses = () => ({
  statePlugins: {
    layout: {
      wrapActions: {
        show: (show) => (thing, isShown = true) => {
          rememberPlace(thing, isShown);
          return show(thing, isShown);
        },
      },
    },
  },
});

// One key for everything, at the top, and one server.
const nothing = () => () => null;
const oneKey = () => ({
  wrapComponents: { AuthorizeBtnContainer: nothing, authorizeOperationBtn: nothing, ServersContainer: nothing },
});

// Headings inside of the group, and the search.
const groupsAndSearch = ({ React }) => ({
  wrapComponents: {
    OperationContainer: (OperationContainer) => {
      function Operation(props) {
        const { shown, heads } = search.use(React);
        const key = `${props.method} ${props.path}`;
        if (!shown.has(key)) {
          return null;
        }
        const operation = React.createElement(OperationContainer, props);
        if (!heads.has(key) || page.options.operationsSorter) {
          return operation;
        }
        const group = heads.get(key);
        const heading = React.createElement("h4", { className: "group", id: `group-${group}`, tabIndex: -1 }, GROUPS[group][0]);
        return React.createElement(React.Fragment, null, heading, operation);
      }
      // Swagger UI looks for it there.
      Operation.prototype.mapStateToProps = OperationContainer.prototype.mapStateToProps;
      return Operation;
    },
  },
});

const DATES = new Set(["start_date", "end_date", "recent_date"]);

// Fields that have a name, offer the ids on record, and open the browser's calendar. A date stays a text: it can have a
// time of day, too.
const helpfulFields = ({ React: React_ }) => {
  const { createElement, useEffect, useRef } = React_;

  function Calendar({ name, value, onChange }) {
    const picker = useRef(null);
    const open = () => {
      picker.current.value = /^\d{4}-\d{2}-\d{2}/.exec(value ?? "")?.[0] ?? "";
      picker.current.showPicker();
    };
    return createElement("span", { className: "calendar" },
      createElement("button", { type: "button", className: "calendar-button", "aria-label": `Choose ${name} in a calendar`, onClick: open }),
      createElement("input", {
        type: "date", ref: picker, tabIndex: -1, "aria-hidden": true, className: "calendar-date",
        onChange: (event) => event.target.value && onChange(event.target.value),
      }));
  }

  return {
    wrapComponents: {
      TextArea: (TextArea) => (props) => createElement(TextArea, { "aria-label": "Request body", ...props }),
      // Its label has the same id.
      contentType: (ContentType) => (props) => createElement(ContentType, {
        ...props,
        ariaLabel: props.ariaLabel || "Media type",
        controlId: props.controlId && `${props.controlId}_choice`,
      }),
      JsonSchemaForm: (JsonSchemaForm) => function Field(props) {
        const { description: name, disabled, value, onChange } = props;
        const box = useRef(null);
        const ids = knownIds.use(React_)[name];
        useEffect(() => {
          const field = box.current?.querySelector("input:not(.calendar-date), select, textarea");
          if (field && name) {
            field.setAttribute("aria-label", name);
          }
          if (field && ids) {
            field.setAttribute("list", `known-${name}`);
          }
        });
        // The first of them, where nothing is given, or only what the key cannot see.
        useEffect(() => {
          if (!disabled && ids?.length && (!value || (value === page.sampleIds[name] && !ids.includes(value)))) {
            onChange(ids[0]);
          }
        }, [disabled, ids]);
        return createElement("div", { ref: box, className: DATES.has(name) ? "date-field" : "field" },
          createElement(JsonSchemaForm, props),
          DATES.has(name) && !disabled ? createElement(Calendar, { name, value, onChange }) : null);
      },
    },
  };
};

// A body in JSON, in one line, or of a form.
function withoutPassword(body) {
  const hidden = "YOUR-PASSWORD";
  try {
    const value = JSON.parse(body);
    return JSON.stringify(value?.password === undefined ? value : { ...value, password: hidden });
  } catch {
    return body.replace(/(^|&)password=[^&]*/g, `$1password=${hidden}`);
  }
}

// What a request says in its own right: not what every client sends anyway, nor secrets, as it is copied and passed on,
// and pictures of the page are taken.
function parts(request) {
  const url = request.get("url");
  const headers = Object.entries(request.get("headers")?.toJS?.() ?? request.get("headers") ?? {})
    .filter(([name, value]) => !(/^accept$/i.test(name) && (/^(application\/json|\*\/\*)$/.test(value) || /[?&]format=/.test(url))))
    .map(([name, value]) => (/^authorization$/i.test(name) ? [name, "Token YOUR-KEY"] : [name, value]));
  let body = request.get("body");
  body = body?.toJS?.() ?? body;
  if (body && typeof body === "object") {
    body = new URLSearchParams(Object.entries(body)).toString();
  }
  const accept = headers.find(([name]) => /^accept$/i.test(name))?.[1];
  const format = /[?&]format=(\w+)/.exec(url)?.[1] ?? page.formats[accept] ?? "json";
  return { url, method: request.get("method"), headers, body: body ? withoutPassword(body) : null, format };
}

// A text in Python, R and JavaScript.
const quoted = (text) => (/^[^'\\\n]*"[^'\\\n]*$/.test(text) ? `'${text}'` : JSON.stringify(text));
const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// Of CSV, "NA" is the code of Namibia, and only what is empty is missing.
const SNIPPETS = {
  curl({ url, method, headers, body, format }) {
    const lines = headers.map(([name, value]) => `-H ${shell(`${name}: ${value}`)}`);
    if (body) {
      lines.push(`-d ${shell(body)}`);
    }
    if (method === "HEAD") {
      lines.push("-I");
    }
    if (format === "parquet" || format === "arrow") {
      lines.push(`-o answer.${format}`);
    }
    return `curl ${[...lines, shell(url)].join(" \\\n  ")}`;
  },
  Python({ url, method, headers, body, format }) {
    const [needed, read] = {
      json: [[], "items = response.json()"],
      csv: [["io", "pandas"], "frame = pandas.read_csv(io.StringIO(response.text), keep_default_na=False, na_values=[''])"],
      ndjson: [["json"], "items = [json.loads(line) for line in response.text.splitlines()]"],
      parquet: [["io", "pandas"], "frame = pandas.read_parquet(io.BytesIO(response.content))"],
      arrow: [["pyarrow.ipc"], "table = pyarrow.ipc.open_stream(response.content).read_all()"],
    }[format];
    return [
      ...[...needed, "requests"].sort().map((name) => `import ${name}`),
      "",
      `response = requests.${method.toLowerCase()}(`,
      `    ${quoted(url)},`,
      ...(headers.length ? [`    headers={${headers.map((pair) => pair.map(quoted).join(": ")).join(", ")}},`] : []),
      ...(body ? [`    data=${quoted(body)}.encode(),`] : []),
      "    timeout=60,",
      ")",
      "response.raise_for_status()",
      read,
    ].join("\n");
  },
  R({ url, method, headers, body, format }) {
    const read = {
      json: "items <- resp_body_json(response, simplifyVector = TRUE)",
      csv: "frame <- read.csv(text = resp_body_string(response), na.strings = '')",
      ndjson: "frame <- jsonlite::stream_in(textConnection(resp_body_string(response)))",
      parquet: "frame <- arrow::read_parquet(resp_body_raw(response))",
      arrow: "frame <- arrow::read_ipc_stream(resp_body_raw(response))",
    }[format];
    const type = headers.find(([name]) => /^content-type$/i.test(name))?.[1];
    const others = headers.filter(([name]) => !(body && /^content-type$/i.test(name)));
    const steps = [
      `request(${quoted(url)})`,
      ...(others.length ? [`req_headers(${others.map(([name, value]) => `\`${name}\` = ${quoted(value)}`).join(", ")})`] : []),
      ...(body ? [`req_body_raw(${quoted(body)}, type = ${quoted(type ?? "")})`] : []),
      ...(method !== "GET" && !(body && method === "POST") ? [`req_method(${quoted(method)})`] : []),
      "req_perform()",
    ];
    return `library(httr2)\n\nresponse <- ${steps.join(" |>\n  ")}\n${read}`;
  },
  JavaScript({ url, method, headers, body, format }) {
    const read = { json: "const items = await response.json();", csv: "const text = await response.text();", ndjson: "const text = await response.text();" };
    const options = [
      ...(method === "GET" ? [] : [`  method: ${quoted(method)},`]),
      ...(headers.length ? [`  headers: { ${headers.map((pair) => pair.map(quoted).join(": ")).join(", ")} },`] : []),
      ...(body ? [`  body: ${quoted(body)},`] : []),
    ];
    return [
      `const response = await fetch(${quoted(url)}${options.length ? `, {\n${options.join("\n")}\n}` : ""});`,
      "if (!response.ok) throw new Error((await response.json()).detail);",
      read[format] ?? "const bytes = await response.arrayBuffer();",
    ].join("\n");
  },
};

const snippets = ({ React: React_ }) => ({
  wrapComponents: {
    curl: () => function Snippet({ request }) {
      const { createElement, useState } = React_;
      const chosen = language.use(React_);
      const [copied, setCopied] = useState(null);
      const text = SNIPPETS[chosen](parts(request));
      const copy = () => navigator.clipboard.writeText(text).then(() => setCopied(text), () => setCopied(null));
      return createElement("div", { className: "curl-command" },
        createElement("div", { className: "snippet-head" },
          createElement("h4", null, "Request"),
          createElement("div", { className: "snippet-languages", role: "group", "aria-label": "Language of the request" },
            Object.keys(SNIPPETS).map((name) => createElement("button", {
              type: "button", key: name, "aria-pressed": name === chosen, onClick: () => language.set(name),
            }, name))),
          createElement("button", { type: "button", className: "snippet-copy", onClick: copy }, copied === text ? "Copied" : "Copy")),
        createElement("pre", { className: "curl", tabIndex: 0, role: "region", "aria-label": `The request in ${chosen}` }, createElement("code", null, text)));
    },
  },
});

// The example of each way to be refused would fill screens; it opens on demand.
const shortRefusals = ({ React: { createElement, Fragment, useState } }) => ({
  wrapComponents: {
    response: (Response) => function Refusal(props) {
      const [isOpen, setOpen] = useState(false);
      const full = createElement(Response, props);
      if (props.code < "400") {
        return full;
      }
      const codes = props.response.getIn(["content", "application/problem+json", "examples"])?.keySeq().toArray() ?? [];
      const short = createElement("tr", { className: "response refusal" },
        createElement("td", { className: "response-col_status" }, props.code),
        createElement("td", { className: "response-col_description" },
          createElement("p", null, props.response.get("description")),
          createElement("span", { className: "refusal-codes" }, codes.map((code) => createElement("code", { key: code }, code))),
          createElement("button", {
            type: "button", className: "refusal-toggle", "aria-expanded": isOpen, onClick: () => setOpen(!isOpen),
          }, isOpen ? "Hide" : "Example")));
      return createElement(Fragment, null, short, isOpen ? full : null);
    },
  },
});

// Coloring a long response would keep the browser busy. Only what is shown is shortened: Download, which is outside of
// this component, gives the response itself.
const shortened = ({ React: { createElement, useEffect, useRef } }) => ({
  wrapComponents: {
    SyntaxHighlighter: (SyntaxHighlighter) => function Code(props) {
      const box = useRef(null);
      // It scrolls, which needs the focus of the keyboard.
      useEffect(() => box.current?.querySelector("pre")?.setAttribute("tabindex", "0"));
      let text = props.children;
      if (typeof text === "string" && text.length > LONGEST_SHOWN) {
        const end = text.lastIndexOf("\n", LONGEST_SHOWN);
        const shown = text.slice(0, end > 0 ? end : LONGEST_SHOWN);
        text = `${shown}\n… ${(text.length - shown.length).toLocaleString("en")} more characters. Download saves the whole response.`;
      }
      return createElement("div", { ref: box, className: "code" }, createElement(SyntaxHighlighter, { ...props, children: text }));
    },
  },
});

// The rows of a CSV text: fields between commas, some in quotation marks, which are doubled inside of them.
function rowsOf(text, most) {
  const rows = [[]];
  const token = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/y;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (!match) {
      break;
    }
    const [, field, end] = match;
    rows.at(-1).push(field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field);
    if (end !== ",") {
      if (rows.length > most || token.lastIndex >= text.length) {
        break;
      }
      rows.push([]);
    }
  }
  return rows;
}

// The name of the file that the service gives an answer, or else the last word of its address, with the format's ending.
function fileName(url, headers, type) {
  const given = headers?.["content-disposition"] ?? "";
  const encoded = /filename\*=(?:UTF-8|utf-8)\'\'([^;]+)/.exec(given)?.[1];
  const plain = /filename="?([^";]+)"?/.exec(given)?.[1];
  if (encoded || plain) {
    return encoded ? decodeURIComponent(encoded) : plain;
  }
  const word = new URL(url, location).pathname.split("/").filter(Boolean).pop()?.split(".")[0] ?? "answer";
  return `${word}.${page.formats[type] ?? (/json/.test(type) ? "json" : "txt")}`;
}

// The answer: a download of its very bytes; why it was refused, in the service's words; a table of CSV, or its text.
const answers = ({ React: React_ }) => {
  const { createElement, useEffect, useState } = React_;

  function Download({ content, type, name }) {
    const [href, setHref] = useState(null);
    useEffect(() => {
      const made = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
      setHref(made);
      return () => URL.revokeObjectURL(made);
    }, [content, type]);
    return href && createElement("a", { className: "download-contents", href, download: name, title: name }, "Download");
  }

  function Preview({ content }) {
    const [head, ...rows] = rowsOf(content, ROWS_SHOWN);
    const more = rows.length >= ROWS_SHOWN ? `The first ${ROWS_SHOWN} lines. Download saves all of them.` : null;
    return createElement("div", null,
      createElement("div", { className: "csv", tabIndex: 0, role: "region", "aria-label": "The answer as a table" },
        createElement("table", null,
          createElement("thead", null, createElement("tr", null, head.map((name, key) => createElement("th", { key, scope: "col" }, name)))),
          createElement("tbody", null, rows.map((row, key) => createElement("tr", { key }, row.map((field, place) => createElement("td", { key: place }, field))))))),
      more && createElement("p", { className: "more" }, more));
  }

  function pretty(text) {
    try {
      return JSON.stringify(JSON.parse(text), null, "  ");
    } catch {
      return text;
    }
  }

  return {
    wrapComponents: {
      responseBody: () => function Answer({ content, contentType, url, headers, getComponent }) {
        const type = (contentType ?? "").split(";")[0];
        const isText = typeof content === "string";
        const shown = isText && /json$/.test(type) && !page.lines.includes(type) ? pretty(content) : content;
        const detail = type === "application/problem+json" ? JSON.parse(shown).detail : null;
        const Code = getComponent("HighlightCode", true);
        return createElement("div", null,
          detail && createElement("p", { className: "problem", role: "alert" }, detail),
          createElement("div", { className: "answer-head" },
            createElement("h5", null, "Response body"),
            createElement(Download, { content, type, name: fileName(url, headers, type) })),
          isText && type === "text/csv" ? createElement(Preview, { content })
            : isText ? createElement(Code, { language: /json$/.test(type) ? "json" : undefined, canCopy: true }, shown)
              : createElement("p", { className: "more" }, "This format is no text. Download saves it as a file."));
      },
    },
  };
};

function withCustomHeaders(request) {
  Object.assign(request.headers, page.customHeaders);
  return request;
}

function showEndpoints(description) {
  return new Promise((resolve) => {
    const ui = SwaggerUIBundle({
      ...page.options,
      domNode: document.getElementById("endpoints"),
      spec: description,
      plugins: [addresses, oneKey, groupsAndSearch, helpfulFields, snippets, shortRefusals, shortened, answers],
      requestInterceptor: withCustomHeaders,
      onComplete: () => resolve(ui),
      defaultModelExpandDepth: 2,
      defaultModelsExpandDepth: 0,
      // Whatever the address says, the description is ours, the key stays in memory, and no other service validates.
      queryConfigEnabled: false,
      persistAuthorization: false,
      validatorUrl: null,
      // Its addresses are not those of this page.
      deepLinking: false,
    });
  });
}


// --- The key -----------------------------------------------------------------------------------------------------

const form = document.getElementById("key-form");
const field = document.getElementById("key-field");
const toggle = document.getElementById("key-toggle");
const status = document.getElementById("key-status");

const WITHOUT_KEY = page.userName
  ? `You are logged in as ${page.userName}; requests are sent in that name. A key goes before it.`
  : "Enter your key and press Explore. Then open a group and an endpoint, and try it out.";
const WRONG = "This key is not valid, or has ended. Check it for missing characters, or ask those who run the service.";
const TOO_MANY = "Too many wrong keys have come from your address. Try again later.";

function tell(state, message) {
  status.dataset.state = state;
  status.textContent = message;
}

// What keys are made of; a header takes nothing else.
function canBeKey(key) {
  return /^[\x21-\x7e]+$/.test(key);
}

async function ask(key) {
  if (!canBeKey(key)) {
    return 401;
  }
  const headers = { Accept: "application/json", Authorization: `Token ${key}` };
  try {
    return (await fetch(page.authenticatedUrl, { headers, credentials: "omit", cache: "no-store" })).status;
  } catch {
    return 0;
  }
}

let asked = 0;

// Returns an endpoint's items, or none where there is no answer.
async function items(address, headers) {
  const credentials = headers.Authorization ? "omit" : "same-origin";
  try {
    const response = await fetch(address, { headers: { Accept: "application/json", ...headers }, credentials });
    return response.ok ? await response.json() : [];
  } catch {
    return [];
  }
}

function offer(name, ids, titles = []) {
  const list = document.createElement("datalist");
  list.id = `known-${name}`;
  ids.forEach((id, place) => list.append(new Option(titles[place] ?? "", id)));
  document.getElementById(list.id)?.remove();
  document.body.append(list);
}

// Offers the courses that the key may see, and the problems and videos of the first one.
async function offerIds(headers, number) {
  const courses = await items(`${page.coursesUrl}?fields=course_id,title,tables&limit=${page.offered}`, headers);
  if (number !== asked || !courses.length) {
    return;
  }
  const course = courses.find(({ course_id: id }) => id === page.sampleIds.course_id) ?? courses[0];
  const first = [course, ...courses.filter((each) => each !== course)];
  const known = { course_id: first.map(({ course_id: id }) => id) };
  offer("course_id", known.course_id, first.map(({ title }) => title));
  knownIds.set(known);
  const lists = [["problem_id", "answer_distribution", "problems", "module_id"], ["video_id", "video", "videos", "pipeline_video_id"]];
  for (const [name, table, word, field] of lists) {
    if (course.tables.includes(table)) {
      const found = await items(`${page.coursesUrl}${encodeURIComponent(course.course_id)}/${word}/?fields=${field}`, headers);
      if (number !== asked) {
        return;
      }
      known[name] = found.slice(0, page.offered).map((item) => item[field]);
      offer(name, known[name]);
    }
  }
  knownIds.set({ ...known });
}

function offerSessionIds() {
  if (page.userName) {
    offerIds({}, asked);
  }
}

async function explore(ui) {
  const key = field.value.trim();
  const number = ++asked;
  if (ui.authSelectors.authorized()?.has(KEY_SCHEME)) {
    ui.authActions.logout([KEY_SCHEME]);
  }
  knownIds.set({});
  if (!key) {
    tell("idle", WITHOUT_KEY);
    offerSessionIds();
    return;
  }
  tell("busy", "Checking the key …");
  const answer = await ask(key);
  if (number !== asked) {
    return;
  }
  if (answer === 200) {
    ui.preauthorizeApiKey(KEY_SCHEME, `Token ${key}`);
    tell("good", "The key is valid. Each request from this page now carries it.");
    offerIds({ Authorization: `Token ${key}` }, number);
  } else if (answer === 401) {
    tell("bad", WRONG);
    field.focus();
  } else if (answer === 429) {
    tell("bad", TOO_MANY);
  } else {
    tell("bad", `The key could not be checked: the service ${answer ? `answered ${answer}` : "does not answer"}. ${reload}`);
  }
}

function showKey(isShown) {
  field.type = isShown ? "text" : "password";
  toggle.textContent = isShown ? "Hide" : "Show";
  toggle.setAttribute("aria-pressed", String(isShown));
}


// --- The search ----------------------------------------------------------------------------------------------------

const searchField = document.getElementById("search-field");

function find(ui) {
  const text = searchField.value.trim();
  const count = search.find(text);
  document.getElementById("search-status").textContent = text ? `${count} of ${search.size} endpoints` : "";
  if (text) {
    ui.layoutActions.show(["operations-tag", page.tag], true);
  }
}

async function showGroup(ui, group) {
  searchField.value = "";
  find(ui);
  ui.layoutActions.show(["operations-tag", page.tag], true);
  const heading = await drawn(`group-${group}`);
  heading?.scrollIntoView();
  heading?.focus({ preventScroll: true });
}

function showSearch(ui) {
  const groups = document.getElementById("search-groups");
  GROUPS.forEach(([name], group) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => showGroup(ui, group));
    groups.append(button);
  });
  searchField.addEventListener("input", () => find(ui));
  document.getElementById("search").addEventListener("submit", (event) => {
    event.preventDefault();
    document.querySelector("#endpoints .opblock-summary-control")?.focus();
  });
  document.getElementById("search").hidden = false;
}


// --- All of it -----------------------------------------------------------------------------------------------------

// Swagger UI brings colors for both, and is told which by a class.
const dark = matchMedia("(prefers-color-scheme: dark)");
const followColorScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);

async function start() {
  followColorScheme();
  dark.addEventListener("change", followColorScheme);
  toggle.addEventListener("click", () => showKey(field.type === "password"));
  const ready = fetchDescription().then(showEndpoints);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    explore(await ready);
  });
  field.addEventListener("input", () => tell("idle", "Press Explore to use this key."));
  document.getElementById("key").hidden = false;
  tell("idle", WITHOUT_KEY);
  try {
    const ui = await ready;
    showSearch(ui);
    offerSessionIds();
    addEventListener("hashchange", () => openPlaceInAddress(ui));
    await openPlaceInAddress(ui);
    document.body.dataset.ready = "true";
  } catch (error) {
    tell("bad", `The description of the endpoints could not be loaded. ${reload} (${error.message})`);
  }
}

start();
