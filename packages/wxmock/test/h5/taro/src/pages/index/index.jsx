import Taro from '@tarojs/taro'
import { useState } from 'react'
import { View, Button, Text } from '@tarojs/components'
export default function Index() {
  const [said, say] = useState('')
  const login = () => Taro.login({ success: (r) => say(`${r.errMsg} ${r.code.length}`), fail: (e) => say(JSON.stringify(e)) })
  const check = () => Taro.checkSession().then((r) => say(r.errMsg), (e) => say(JSON.stringify(e)))
  return (
    <View>
      <Button id="login" onClick={login}>login</Button>
      <Button id="check" onClick={check}>check</Button>
      <Button id="phone" openType="getPhoneNumber" onGetPhoneNumber={(e) => say(e.detail.errMsg)}>phone</Button>
      <Text id="said">{said}</Text>
    </View>
  )
}
