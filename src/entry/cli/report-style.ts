/** The look of reports: on a screen by day and by night, and on paper. */
export const REPORT_STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--line:#d9dee4;--paper:#fff;--tint:#f5f7f9;--good:#1a7f4b;--wait:#9a6700;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaee;--soft:#9aa5b1;--line:#333b44;--paper:#14181c;--tint:#1c2228;--good:#4cc38a;--wait:#e2a93b;--bad:#f2776e}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:70rem;padding:2.5rem 1.5rem;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
h1{margin:.1rem 0;font-size:1.9rem;line-height:1.2;overflow-wrap:anywhere}
h2{margin:2.4rem 0 .8rem;font-size:1.15rem}
h3{margin:1rem 0 .3rem;font-size:.78rem;letter-spacing:.05em;text-transform:uppercase;color:var(--soft)}
.kind{margin:0;font-size:.78rem;letter-spacing:.08em;text-transform:uppercase;color:var(--bad)}
.sub,.note,footer,small,.axis{color:var(--soft)}
.sub{margin:.2rem 0 0}
code,pre,time,.hash{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
code{overflow-wrap:anywhere}
pre{margin:.2rem 0;padding:.7rem .9rem;max-height:24rem;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;background:var(--tint);border:1px solid var(--line);border-radius:6px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.6rem;margin:1.6rem 0 0}
.cards div{padding:.7rem .9rem;border:1px solid var(--line);border-radius:8px}
.cards dt{font-size:.78rem;color:var(--soft)}
.cards dd{margin:0;font-size:1.35rem;font-variant-numeric:tabular-nums}
.good{color:var(--good)}.wait{color:var(--wait)}.bad{color:var(--bad)}
.plain{border-collapse:collapse;font-size:.9rem}
.plain th{padding:.15rem 1rem .15rem 0;text-align:left;font-weight:500;color:var(--soft);vertical-align:top;white-space:nowrap}
.plain td{padding:.15rem 0;overflow-wrap:anywhere}
.axis{display:flex;justify-content:space-between;margin:0 4.5rem .2rem 12rem;font-size:.78rem}
.bars{margin:0;padding:0;list-style:none}
.bars a{display:grid;grid-template-columns:12rem 1fr 4.5rem;align-items:center;color:inherit;text-decoration:none;font-size:.82rem}
.bars a:hover{background:var(--tint)}
.bars .name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.lane{position:relative;height:1.1rem;border-left:1px solid var(--line);border-right:1px solid var(--line)}
.bar{position:absolute;top:.25rem;height:.6rem;min-width:3px;border-radius:2px;background:currentColor}
.took{padding-left:.6rem;text-align:right;color:var(--soft);font-variant-numeric:tabular-nums}
details{margin:.4rem 0;border:1px solid var(--line);border-radius:8px}
summary{display:flex;flex-wrap:wrap;gap:.3rem .7rem;align-items:baseline;padding:.55rem .9rem;cursor:pointer}
summary time{color:var(--soft)}
summary .why{color:var(--soft);font-size:.85rem}
summary .cost{margin-left:auto;font-variant-numeric:tabular-nums}
details[open]>summary{border-bottom:1px solid var(--line)}
details>:not(summary){margin-left:.9rem;margin-right:.9rem}
details>:last-child{margin-bottom:.9rem}
.badge{padding:0 .5rem;border:1px solid currentColor;border-radius:99px;font-size:.78rem}
.factors{padding-left:1.1rem}
.factors li{margin:.25rem 0}
.decides{font-weight:500}
.decides::marker{content:"▸ ";color:var(--bad)}
.records{width:100%;border-collapse:collapse;font-size:.85rem;table-layout:fixed}
.records{width:calc(100% - 1.8rem)}
.records th{padding:.2rem .6rem .2rem 0;text-align:left;font-weight:500;color:var(--soft)}
.records td{padding:.2rem .6rem .2rem 0;vertical-align:top;border-top:1px solid var(--line);overflow-wrap:anywhere}
.records th:first-child{width:8rem}.records th:nth-child(3){width:9rem}
.hash{font-size:10.5px;color:var(--soft)}
footer{margin-top:2.5rem;padding-top:.8rem;border-top:1px solid var(--line);font-size:.85rem}
@media(max-width:40rem){body{padding:1.2rem .8rem}.bars a{grid-template-columns:7rem 1fr 3.6rem}.axis{margin-left:7rem}.records th:nth-child(4),.records td:nth-child(4){display:none}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--tint:#fff}body{max-width:none;padding:0;font-size:10.5pt}details::details-content{content-visibility:visible;display:block}details{break-inside:auto}summary{break-after:avoid}pre{max-height:none}.bar{print-color-adjust:exact;-webkit-print-color-adjust:exact}tr{break-inside:avoid}}
`
