/** Which machines this browser has sent in or looked at, so that their addresses are not lost. Kept in the browser alone. */
const KEY = "strata-machines", MOST = 20;

function known() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter(({ id, label }) => /^m-[0-9a-f]{12}$/.test(id) && label) : [];
  } catch {
    return [];
  }
}

function keep(machines) {
  try {
    localStorage.setItem(KEY, JSON.stringify(machines.slice(0, MOST)));
  } catch {
    // A browser that keeps nothing shows no list.
  }
}

const { machine, label } = document.getElementById("content").dataset;
if (machine) keep([{ id: machine, label }, ...known().filter(({ id }) => id !== machine)]);

const mine = document.getElementById("mine");

function show() {
  const list = mine.querySelector("ul"), machines = known();
  mine.hidden = !machines.length;
  list.replaceChildren(
    ...machines.map(({ id, label: name }) => {
      const item = document.createElement("li"), link = document.createElement("a"), forget = document.createElement("button");
      link.href = `${id}/`;
      link.textContent = name;
      forget.type = "button";
      forget.className = "quiet";
      forget.textContent = list.dataset.forget;
      forget.setAttribute("aria-label", `${list.dataset.forget}: ${name}`);
      forget.addEventListener("click", () => {
        keep(known().filter((other) => other.id !== id));
        show();
      });
      item.append(link, " ", forget);
      return item;
    }),
  );
}

if (mine) show();
