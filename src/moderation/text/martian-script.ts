/**
 * Characters written for others that look like them, as young people, spammers and Japanese printers do: with a radical
 * added or taken away (莪 for 我), in a rare variant (囯), or in the Japanese simplified form (薬). Each entry is what is
 * meant, followed by the characters that are written for it.
 *
 * What comes in must be rare in ordinary Chinese: none of these is among the 3,755 common characters of GB 2312, level 1;
 * a test holds that rule. Some have a life of their own (莪术, 卟啉, the surname 冼), from which no term is likely to arise.
 * の for 的 is left out: it is also written between the characters of a word, where it has to stay something foreign.
 */

/** 火星文: a radical more, a radical less, a look-alike, a bopomofo letter for the word that begins with it. */
const MARTIAN = `
我莪涐硪睋誐皒珴 你伱沵妳祢儞鉨苨ㄋ 他彵怹ㄊ 它牠咜 她奿 们椚 的菂啲旳玓ㄉ 是湜媞寔昰遈諟 不芣卟吥伓ㄅ 了孒ㄌ
在侢 再洅 有洧峟 和咊龢 这迬 那郍 么庅嚒尛 吗ㄇ 啊ㄚ 哦ㄛ 呵ㄏ 去ㄑ厺呿弆 个ㄍ 来逨唻 到菿 要葽婹 没莈
能螚竜 可妸 以苢佁 得淂 对対 很佷詪 多夛 少仯尐 出岀泏 会㑹 吃ㄔ 好恏 爱僾薆鑀懓 心杺伈訫 人亽朲秂魜亼
大夶汏 小仦 天兲靔 地坔埊 国囯圀囻 年姩秊哖 月仴 日囸 水氺 火吙炛 山屾 手掱 口囗 上丄仩 下丅芐 中狆茽妕筗 生泩苼甡狌
死迉 杀摋蔱 炸灹煠 弹弾僤 枪鎗篬 毒蝳 药薬 品榀 赌暏琽 博愽簙煿猼 色栬 情啨棈 黄熿曂 裸躶臝倮 聊漻憀 代蚮軚 办辧
开幵奒 发沷発髪 票僄蔈徱翲 刷唰 单匰 返粄疺 利浰琍唎悧 钱銭 洗冼毨姺 贷貣 高髙暠 网罓罒 站跕坫岾 络笿
诈苲岝 骗騗魸 偷媮偸鍮 赃賍賘 假徦猳 自洎茡 刀朷舠 血侐洫 暴曓虣 力仂朸 法灋佱 淫婬滛 奸奷姧 强彊
逼偪 傻儍 贱賎 狗豿 球毬浗 彩婇棌倸 老狫咾恅荖 千圱 虎乕俿虝 机朹 美羙媄嵄 女籹 男侽娚莮 妹妺 姐媎毑 哥滒謌彁 弟俤
学斈 援湲 交洨詨峧 约箹 炮砲礮 按洝荌 摩擵 服棴 包笣佨枹 夜亱鵺 催漼凗慛 冰氷 麻蔴痲 吸扱 粉黺 海塰 鸦鵶 摇揺嗂愮
仿倣髣 刺莿 爆懪嚗 破岥 油怞 作莋 教嘋 程珵桯 方汸牥 身裑 卡鉲佧 号呺 行洐垳 信伩 用苚砽 文彣芠 考攷洘 试烒 答荅畣
弊獘 黑潶 客愘揢 侵埐 入叺扖 木朩 密宻滵 翻飜 邪衺 器噐 胸胷 嫩嫰 家榢幏糘 事亊倳 时旹 前偂葥 分坋昐
点奌㸃 百粨 一弌乊 二弍 三弎 四亖 八仈 九汣 新噺 低彽 快赽 土圡 风凬凨 星皨曐暒 光灮炗 明眀朙 花芲錵婲蘤 草艸
仙仚僊屳 梦夣 苦瘔 笑咲 朋倗萠 友伖㕛 名佲洺 青靑 春旾媋 秋秌偢 冬苳 走赱 歌謌 回囬囘廻 因囙 面靣 体躰軆骵
首渞 头頙 电奙 话咶 支攴 制淛 件伡 种粌 买鷶 换肒 软耎 假仮
`;

/** Japanese simplified characters (新字体) that Chinese does not share, and their Chinese forms. */
const JAPANESE = `
实実 卖売 广広 经経 济済 县県 验験 压圧 围囲 盐塩 荣栄 樱桜 乐楽 拜拝 择択 扩拡 劳労 单単 严厳 价価 两両 亚亜 恶悪 一壱 二弐
涩渋 渴渇 烧焼 龄齢 齿歯 岁歳 步歩 每毎 泪涙 净浄 归帰 从従 征徴 德徳 惠恵 戏戯 搜捜 举挙 检検 样様 续続 绘絵 总総 绳縄 纵縦
纤繊 听聴 脑脳 觉覚 览覧 观観 译訳 读読 让譲 赞賛 转転 轻軽 边辺 迟遅 乡郷 醉酔 释釈 铁鉄 关関 斗闘 陷陥 隐隠 杂雑 灵霊 赖頼
显顕 骚騒 鸡鶏 黑黒 默黙 齐斉 剑剣 剂剤 劝勧 勋勲 效効 收収 营営 圈圏 增増 坏壊 奖奨 娘嬢 宽寛 专専 巢巣 拔抜 拂払 据拠 揭掲
摄摂 击撃 晓暁 曾曽 泽沢 满満 濑瀬 牺犠 猎猟 兽獣 叠畳 瘦痩 碎砕 稻稲 稳穏 穗穂 窗窓 粹粋 肃粛 缘縁 系繋 脏臓 艳艶
庄荘 藏蔵 萤蛍 丰豊 递逓 酿醸 矿鉱 铸鋳 炼錬 隶隷 颊頬 驱駆 髓髄 变変 应応 图図 团団 战戦 气気 权権 传伝 佛仏
龙竜 真槙 辞辤 沿㳂 渊渕 桥槗 齐斎 铅鈆 船舩 略畧 
`;

/** Stand-in → what it stands for. */
export const MARTIAN_STAND_INS: ReadonlyMap<string, string> = new Map(
  `${MARTIAN} ${JAPANESE}`.split(/\s+/u).flatMap((entry): [string, string][] => {
    const [meant = "", ...written] = entry;
    return written.map((character) => [character, meant]);
  }),
);
