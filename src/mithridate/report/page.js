// Draws the figures of the page; library and data are packed in it, none come from the network.
(function () {
  "use strict";
  var figures = {}, template = {};
  var touch = window.matchMedia("(pointer: coarse)").matches;
  var hover = window.matchMedia("(hover: hover)").matches;
  var drawn = 0;
  var places = Array.prototype.slice.call(document.querySelectorAll("[data-figure]"));

  function config(place) {
    return {
      displaylogo: false,
      displayModeBar: hover && !place.classList.contains("small") ? "hover" : false,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      plotlyServerURL: "",
      responsive: true,
      showLink: false,
      showSendToCloud: false,
      toImageButtonOptions: { format: "svg", filename: "mithridate-" + place.dataset.figure }
    };
  }

  // A view box lets print scale a drawing that was made for a wider screen.
  function scalable(place) {
    place.querySelectorAll("svg.main-svg").forEach(function (svg) {
      var width = svg.getAttribute("width"), height = svg.getAttribute("height");
      if (width && height) svg.setAttribute("viewBox", "0 0 " + width + " " + height);
    });
  }

  function draw(place) {
    var figure = figures[place.dataset.figure];
    // Dragging on a phone should scroll the page, not zoom the figure.
    figure.layout.dragmode = touch || place.classList.contains("small") ? false : "zoom";
    if (figure.layout.height) place.style.height = figure.layout.height + "px";
    delete figure.layout.height;
    figure.layout.template = template;
    return window.Plotly.newPlot(place, figure.data, figure.layout, config(place)).then(
      function () {
        drawn += 1;
        scalable(place);
        place.on("plotly_afterplot", function () { scalable(place); });
      },
      function () { place.textContent = "This figure could not be drawn."; }
    );
  }

  // A click on a series in a key hides or shows it in every figure.
  function toggle(id, show) {
    document.querySelectorAll(".key button").forEach(function (button) {
      if (button.dataset.series === id) button.setAttribute("aria-pressed", String(show));
    });
    places.forEach(function (place) {
      var found = [];
      (place.data || []).forEach(function (trace, i) {
        if (trace.legendgroup === id) found.push(i);
      });
      if (found.length) window.Plotly.restyle(place, { visible: show }, found);
    });
  }

  document.querySelectorAll(".key button").forEach(function (button) {
    button.disabled = false;
    button.addEventListener("click", function () {
      toggle(button.dataset.series, button.getAttribute("aria-pressed") === "false");
    });
  });

  // On paper every figure has the width of its column, whatever the window was.
  function refit(paper) {
    places.forEach(function (place) {
      if (!place.layout) return;
      var wide = place.classList.contains("wide"), half = place.classList.contains("half");
      var size = { autosize: false, width: wide ? 690 : 335 };
      if (wide || half) size.height = wide ? 370 : 290;
      window.Plotly.relayout(place, paper ? size : { autosize: true, width: null, height: null });
      scalable(place);
    });
  }

  // Nothing stays folded on paper.
  window.addEventListener("beforeprint", function () {
    refit(true);
    document.querySelectorAll("details").forEach(function (fold) {
      fold.dataset.was = fold.open ? "open" : "";
      fold.open = true;
    });
  });
  window.addEventListener("afterprint", function () {
    refit(false);
    document.querySelectorAll("details").forEach(function (fold) {
      fold.open = fold.dataset.was === "open";
    });
  });

  function unpack(id) {
    var packed = atob(document.getElementById(id).textContent);
    var bytes = Uint8Array.from(packed, function (c) { return c.charCodeAt(0); });
    var text = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(text).text();
  }

  // The library may run because the policy names the hash of what it unpacks to.
  function run(source) {
    var script = document.createElement("script");
    script.textContent = source;
    document.head.appendChild(script).remove();
  }

  function refuse() {
    places.forEach(function (place) {
      place.textContent = "This figure needs a browser of 2023 or later.";
    });
  }

  if (window.DecompressionStream) {
    Promise.all([unpack("library"), unpack("figures"), unpack("template")])
      .then(function (parts) {
        run(parts[0]);
        figures = JSON.parse(parts[1]);
        template = JSON.parse(parts[2]);
        return Promise.all(places.map(draw));
      })
      .catch(refuse)
      .then(function () { document.documentElement.dataset.drawn = String(drawn); });
  } else {
    refuse();
  }
})();
