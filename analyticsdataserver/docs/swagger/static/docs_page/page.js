// The page at /docs/: Swagger UI, with a key for all its requests, and addresses that name a group or an operation.

/* global SwaggerUIBundle */

const page = JSON.parse(document.getElementById("page").textContent);
page.operations = new Set();
const reload = "Reload the page, or try again a little later.";

// As long as the description's own name for it; see components.securitySchemes there.
const KEY_SCHEME = "key";

// Characters of a response that are shown.
const LONGEST_SHOWN = 40_000;


// --- The description ---------------------------------------------------------------------------------------------

// Swagger UI fills in every example. That is meant only for the ids that the database knows: an optional parameter
// would change the answer, and an id that is not there would find nothing. Other examples become text.
function chooseExamples(description) {
  for (const operations of Object.values(description.paths)) {
    for (const { operationId, parameters = [] } of Object.values(operations)) {
      page.operations.add(operationId);
      for (const parameter of parameters) {
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
  return chooseExamples(await response.json());
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

// The command is copied and passed on, and pictures of the page are taken: secrets stay out of it.
const curlWithoutSecrets = ({ React }) => ({
  wrapComponents: {
    curl: (Curl) => (props) => {
      let { request } = props;
      if (request.hasIn(["headers", "Authorization"])) {
        request = request.setIn(["headers", "Authorization"], "Token YOUR-KEY");
      }
      if (typeof request.get("body") === "string") {
        request = request.set("body", request.get("body").replace(/("?password"?[=:]\s*"?)[^"&]*/, "$1YOUR-PASSWORD"));
      }
      return React.createElement(Curl, { ...props, request });
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

// Coloring a long response would keep the browser busy. Only what is shown is shortened: Download and Copy, which are
// outside of this component, give the response itself.
const shortened = ({ React }) => ({
  wrapComponents: {
    SyntaxHighlighter: (SyntaxHighlighter) => (props) => {
      const text = props.children;
      if (typeof text !== "string" || text.length <= LONGEST_SHOWN) {
        return React.createElement(SyntaxHighlighter, props);
      }
      const end = text.lastIndexOf("\n", LONGEST_SHOWN);
      const shown = text.slice(0, end > 0 ? end : LONGEST_SHOWN);
      const note = `… ${(text.length - shown.length).toLocaleString("en")} more characters. Download saves the whole response.`;
      return React.createElement(SyntaxHighlighter, { ...props, children: `${shown}\n${note}` });
    },
  },
});

// Swagger UI offers a download of what names a file. Binary answers get a name where the service gives them none, and
// lines of JSON are shown as text, because together they are no JSON.
const unshownFormats = ({ React }) => ({
  wrapComponents: {
    responseBody: (ResponseBody) => (props) => {
      const type = props.contentType?.split(";")[0];
      const shown = { ...props };
      if (type in page.downloads && !props.headers?.["content-disposition"]) {
        const word = new URL(props.url, location).pathname.split("/").filter(Boolean).pop().split(".")[0];
        shown.headers = { ...props.headers, "content-disposition": `attachment; filename=${word}.${page.downloads[type]}` };
      } else if (page.lines.includes(type)) {
        shown.contentType = "text/x-lines";
      }
      return React.createElement(ResponseBody, shown);
    },
  },
});

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
      plugins: [addresses, oneKey, curlWithoutSecrets, shortRefusals, shortened, unshownFormats],
      requestInterceptor: withCustomHeaders,
      onComplete: () => resolve(ui),
      defaultModelExpandDepth: 2,
      defaultModelsExpandDepth: 0,
      // Whatever the address says, the description is ours, the key stays in memory, and nobody else validates.
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

async function explore(ui) {
  const key = field.value.trim();
  const number = ++asked;
  if (ui.authSelectors.authorized()?.has(KEY_SCHEME)) {
    ui.authActions.logout([KEY_SCHEME]);
  }
  if (!key) {
    tell("idle", WITHOUT_KEY);
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
    addEventListener("hashchange", () => openPlaceInAddress(ui));
    await openPlaceInAddress(ui);
    document.body.dataset.ready = "true";
  } catch (error) {
    tell("bad", `The description of the endpoints could not be loaded. ${reload} (${error.message})`);
  }
}

start();
