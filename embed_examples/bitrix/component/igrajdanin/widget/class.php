<?php
/** Reads the settings and hands the snippet's parts to the template. */

if (!defined('B_PROLOG_INCLUDED') || B_PROLOG_INCLUDED !== true) {
    die();
}

use Bitrix\Main\Localization\Loc;
use Bitrix\Main\Page\Asset;

Loc::loadMessages(__FILE__);

class IgrajdaninWidgetComponent extends CBitrixComponent
{
    private const CHOICES = [
        'type'  => ['extended', 'basic'],
        'view'  => ['button', 'inline', 'figures'],
        'theme' => ['auto', 'light', 'dark', 'contrast', 'contrast-black', 'contrast-blue'],
    ];

    /** There is nothing worth a cache here, and what stands in a cached area would not reach the page's head. */
    public function executeComponent()
    {
        // Bitrix hands over parameters with their tags escaped; under ~ they are as they were set.
        $code = (string) ($this->arParams['~CODE'] ?? $this->arParams['CODE'] ?? '');

        if (!preg_match('~(https?://[^\s"\'<>]+?)/s/(wk_[A-Za-z0-9_-]+)(?:/report)?(?=[\s"\'<>]|$)~', $code, $found)) {
            if ($GLOBALS['USER']->IsAdmin()) {
                ShowError(Loc::getMessage('IGRAJDANIN_NO_CODE'));
            }

            return;
        }

        [, $service, $key] = $found;
        $this->arResult    = [
            'LOADER'     => $service . '/w/1/loader.js',
            'LINK'       => $service . '/s/' . rawurlencode($key) . '/report',
            'ATTRIBUTES' => ['site-key' => $key] + $this->attributes($code),
        ];
        Asset::getInstance()->addString('<link rel="preconnect" href="' . htmlspecialcharsbx($service) . '">', true);
        $this->includeComponentTemplate();
    }

    /**
     * The settings win over the attributes of the pasted code. Values that the widget does not know are left out: nothing
     * of the code gets into the page as it is.
     */
    private function attributes(string $code): array
    {
        $pasted = [];
        if (preg_match('~<(?:igrajdanin-widget|div)\s[^>]*>~i', $code, $tag)) {
            preg_match_all('~\s(?:data-)?(type|view|theme|category|lang)\s*=\s*["\']?([\w-]*)~i', $tag[0], $found, PREG_SET_ORDER);
            $pasted = array_column($found, 2, 1);
        }

        $attributes = [];
        foreach (['type', 'view', 'theme', 'category', 'lang'] as $name) {
            $value = (string) (($this->arParams[strtoupper($name)] ?? '') ?: ($pasted[$name] ?? ''));
            $known = isset(self::CHOICES[$name])
                ? in_array($value, self::CHOICES[$name], true)
                : preg_match('/^[a-z][a-z0-9_-]*$/D', $value);
            if ($known) {
                $attributes[$name] = $value;
            }
        }

        return $attributes + ['type' => 'extended'];
    }
}
