<?php
/**
 * The snippet. `data-skip-moving` keeps the script where it is when Bitrix moves the others to the end of the page.
 *
 * @var array $arResult
 */

if (!defined('B_PROLOG_INCLUDED') || B_PROLOG_INCLUDED !== true) {
    die();
}

use Bitrix\Main\Localization\Loc;

Loc::loadMessages(__FILE__);
?>
<igrajdanin-widget<?php foreach ($arResult['ATTRIBUTES'] as $name => $value) : ?> <?= $name ?>="<?= htmlspecialcharsbx($value) ?>"<?php endforeach; ?>>
	<a href="<?= htmlspecialcharsbx($arResult['LINK']) ?>"><?= htmlspecialcharsbx(Loc::getMessage('IGRAJDANIN_REPORT')) ?></a>
</igrajdanin-widget>
<script async data-skip-moving="true" src="<?= htmlspecialcharsbx($arResult['LOADER']) ?>"></script>
