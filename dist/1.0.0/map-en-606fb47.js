const TEXTS=Array(133).concat(["Map"]);
import{Fragment as t,h as e}from"./widget-606fb47.js";var s=TEXTS;export{s as texts};