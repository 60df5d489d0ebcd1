const wxmock = require('wxmock/vite')

module.exports = {
  projectName: 'taro-page',
  designWidth: 750,
  deviceRatio: { 640: 1.17, 750: 1 },
  sourceRoot: 'src',
  outputRoot: 'dist',
  framework: 'react',
  compiler: { type: 'vite', vitePlugins: [wxmock()] },
  cache: { enable: false },
  h5: { publicPath: '/', staticDirectory: 'static' },
}
