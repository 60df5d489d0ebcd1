import { defineConfig } from 'vite'
import uni from '@dcloudio/vite-plugin-uni'
import wxmock from 'wxmock/vite'

export default defineConfig({ plugins: [wxmock(), (uni.default ?? uni)()] })
