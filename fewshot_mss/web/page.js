// The song's outline, the parts marked on it, and files on their way in.
"use strict";

const fewshotMss = (() => {
  const TICKS = 5;
  const SHORTEST_S = 0.25;
  let tab = null;
  let waiting = [];
  let song = null;

  // The server names the tab when the page is there; uploads wait for it.
  function enter(name) {
    tab = name;
    waiting.splice(0).forEach((begin) => begin());
  }

  function whenEntered() {
    return tab ? Promise.resolve() : new Promise((done) => waiting.push(done));
  }

  function clock(time_s, digits = 0) {
    const scale = 10 ** digits;
    const whole = Math.round(time_s * scale);
    const minutes = Math.floor(whole / (60 * scale));
    const seconds = (whole - minutes * 60 * scale) / scale;
    const width = digits ? digits + 3 : 2;
    return `${minutes}:${seconds.toFixed(digits).padStart(width, "0")}`;
  }

  function seconds(text) {
    const fields = text.trim().split(":").map(Number);
    if (fields.some((field) => Number.isNaN(field))) return NaN;
    return fields.reduce((sum, field) => sum * 60 + field, 0);
  }

  function say(box, text) {
    const place = box.querySelector(".message");
    place.textContent = text;
    place.hidden = !text;
  }

  async function send(box, drop, kind, file) {
    const words = drop.querySelector("span");
    const before = words.innerHTML;
    const most = Number(document.querySelector("[data-max-bytes]").dataset.maxBytes);
    if (file.size > most) {
      say(box, `${file.name} is larger than ${most / 1e6} MB, the most that is ` +
        "taken here: hand in a shorter part, or a flac or mp3 of it");
      return null;
    }
    drop.classList.add("busy");
    words.textContent = `${file.name} …`;
    try {
      await whenEntered();
      const answer = await fetch(`tabs/${tab}/uploads/${kind}`, {
        method: "POST",
        headers: { "X-File-Name": encodeURIComponent(file.name) },
        body: file,
      });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.error);
      say(box, "");
      return told;
    } catch (error) {
      const lost = error instanceof TypeError || error instanceof SyntaxError;
      say(box, lost ? "The server did not answer: is it still running?"
        : error.message);
      return null;
    } finally {
      drop.classList.remove("busy");
      words.innerHTML = before;
    }
  }

  function onFiles(box, take) {
    const drop = box.querySelector(".drop");
    const input = drop.querySelector("input");
    input.addEventListener("change", async () => {
      const files = [...input.files];
      input.value = "";
      for (const file of files) await take(drop, file);
    });
    drop.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", async (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      const files = [...event.dataTransfer.files];
      const some = input.multiple ? files : files.slice(0, 1);
      for (const file of some) await take(drop, file);
    });
  }

  // The text fields hold what is marked; the outline only shows it.
  function field(kind) {
    return document.querySelector(`.ranges-${kind} textarea`);
  }

  function setField(kind, lines) {
    const area = field(kind);
    area.value = lines.join("\n");
    area.dispatchEvent(new Event("input", { bubbles: true }));
    drawRegions();
  }

  function lines(kind) {
    const area = field(kind);
    return area ? area.value.split("\n").filter((line) => line.trim()) : [];
  }

  function drawRegions() {
    const place = document.querySelector(".regions");
    if (!place || !song) return;
    place.replaceChildren();
    for (const kind of ["positive", "negative"]) {
      lines(kind).forEach((line, number) => {
        const [from, to] = line.split(/[-\u2010-\u2015]/).map(seconds);
        if (!(to > from) || from > song.seconds) return;
        const region = document.createElement("div");
        region.className = `region ${kind}`;
        span(region, from, Math.min(to, song.seconds));
        const away = document.createElement("button");
        away.type = "button";
        away.textContent = "×";
        away.title = `Take ${line.trim()} away`;
        away.addEventListener("click", () => {
          setField(kind, lines(kind).filter((_, other) => other !== number));
        });
        region.append(away);
        place.append(region);
      });
    }
  }

  function span(region, from, to) {
    region.style.left = `${(100 * from) / song.seconds}%`;
    region.style.width = `${(100 * (to - from)) / song.seconds}%`;
  }

  function drawOutline(box) {
    const canvas = box.querySelector("canvas");
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const pen = canvas.getContext("2d");
    pen.fillStyle = getComputedStyle(canvas).color;
    const loudest = Math.max(1e-3, ...song.outline);
    const step = canvas.width / song.outline.length;
    song.outline.forEach((peak, number) => {
      const height = Math.max(1, (peak / loudest) * canvas.height * 0.94);
      pen.fillRect(number * step, (canvas.height - height) / 2,
        Math.max(step, 1), height);
    });
  }

  function drawTimes(box) {
    const digits = song.seconds < 30 ? 1 : 0;
    box.querySelector(".times").replaceChildren(
      ...Array.from({ length: TICKS }, (_, step) => {
        const label = document.createElement("span");
        label.textContent = clock(
          (song.seconds * step) / (TICKS - 1), digits);
        return label;
      }),
    );
  }

  function mode() {
    const chosen = document.querySelector("input[name=mode]:checked");
    return chosen ? chosen.value : "positive";
  }

  function onDrag(box) {
    const wave = box.querySelector(".wave");
    const player = box.querySelector(".song-player");
    let from = null;
    let region = null;
    const at = (event) => {
      const frame = wave.getBoundingClientRect();
      const share = (event.clientX - frame.left) / frame.width;
      return Math.min(1, Math.max(0, share)) * song.seconds;
    };
    wave.addEventListener("pointerdown", (event) => {
      if (event.button || event.target.tagName === "BUTTON") return;
      from = at(event);
      wave.setPointerCapture(event.pointerId);
      if (!wave.classList.contains("marks")) return;
      region = document.createElement("div");
      region.className = `region ${mode()}`;
      span(region, from, from);
      box.querySelector(".regions").append(region);
    });
    wave.addEventListener("pointermove", (event) => {
      if (!region) return;
      span(region, Math.min(from, at(event)), Math.max(from, at(event)));
    });
    const end = (event) => {
      if (from === null) return;
      const [begin, stop] = [from, at(event)].sort((a, b) => a - b);
      const marked = region !== null && event.type === "pointerup";
      from = null;
      region?.remove();
      region = null;
      if (marked && stop - begin >= SHORTEST_S) {
        const kind = mode();
        // Rounded down: the end of the song is not passed.
        const times = [begin, stop].map((time_s) =>
          clock(Math.floor(time_s * 100) / 100, 2));
        setField(kind, [...lines(kind), times.join("-")]);
      } else if (event.type === "pointerup") {
        player.currentTime = begin;
      }
    };
    wave.addEventListener("pointerup", end);
    wave.addEventListener("pointercancel", end);
    player.addEventListener("timeupdate", () => {
      box.querySelector(".cursor").style.left =
        `${(100 * player.currentTime) / song.seconds}%`;
    });
    new ResizeObserver(() => song && drawOutline(box)).observe(wave);
  }

  function songBox(element) {
    const box = element.querySelector(".song-box");
    onFiles(box, async (drop, file) => {
      const told = await send(box, drop, "song", file);
      if (!told) return;
      song = told;
      box.querySelector(".song").hidden = false;
      box.querySelector(".song-name").textContent = told.name;
      box.querySelector(".song-length").textContent = clock(told.seconds);
      box.querySelector(".song-player").src = `tabs/${tab}/files/${told.key}`;
      drop.classList.add("small");
      ["positive", "negative"].forEach((kind) => field(kind) && setField(kind, []));
      drawOutline(box);
      drawTimes(box);
    });
    onDrag(box);
    document.addEventListener("input", (event) => {
      if (event.target.matches("textarea")) drawRegions();
    });
  }

  function clipBox(element) {
    const box = element.querySelector(".clip-box");
    onFiles(box, async (drop, file) => {
      const told = await send(box, drop, drop.dataset.kind, file);
      if (!told) return;
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.textContent = `${told.name} (${clock(told.seconds, 1)})`;
      const player = document.createElement("audio");
      player.controls = true;
      player.preload = "none";
      player.src = `tabs/${tab}/files/${told.key}`;
      const away = document.createElement("button");
      away.type = "button";
      away.textContent = "×";
      away.title = `Take ${told.name} away`;
      away.addEventListener("click", async () => {
        await fetch(`tabs/${tab}/uploads/${told.key}`, { method: "DELETE" });
        item.remove();
      });
      item.append(name, player, away);
      box.querySelector(".clips").append(item);
    });
  }

  return { enter, song: songBox, clips: clipBox };
})();
