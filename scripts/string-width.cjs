// Takes the place of string-width in all that is built: it makes its data of Unicode when it is loaded, which takes
// 12 ms and half of what a start takes, while most texts need none of it.
let measure

module.exports = (text, options) => {
  measure ??= require('../node_modules/string-width/index.js').default
  return measure(text, options)
}
